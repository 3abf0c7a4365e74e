"""Codes of countries (ISO 3166-1) and continents."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .mistake import nearest, show, wrong
from .value import Value, list_of

__all__ = ["Continents", "Countries", "country_code", "parse_continent", "parse_country"]

# Alpha-2 and alpha-3 in one word. XK is not of the standard, and what location services say of Kosovo.
_COUNTRIES = """
    ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE BABIH BBBRB BDBGD
    BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN
    CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE DEDEU
    DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB
    GBGBR GDGRD GEGEO GFGUF GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG
    HMHMD HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM JOJOR JPJPN
    KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO LBLBN LCLCA LILIE LKLKA LRLBR LSLSO LTLTU
    LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR
    MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL
    OMOMN PAPAN PEPER PFPYF PGPNG PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB
    RURUS RWRWA SASAU SBSLB SCSYC SDSDN SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD STSTP
    SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON TRTUR TTTTO TVTUV TWTWN
    TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF
    ZMZMB ZWZWE
    XKXKX
"""
_CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")

_ALPHA_2 = {word[2:]: word[:2] for word in _COUNTRIES.split()}
_CODES = _ALPHA_2 | {code: code for code in _ALPHA_2.values()}


def country_code(text: str) -> str | None:
    """The code of two letters in upper case for a code of two or three in any case; None for no country's."""
    return _CODES.get(text.upper())


def parse_country(data: object) -> str:
    """A country's code of two or three letters; those of two are the common spelling."""
    code = country_code(data) if isinstance(data, str) else None
    if code is None:
        meant = nearest(data.upper(), _CODES) if isinstance(data, str) else None
        expected = "a code of two or three letters (ISO 3166-1) such as DE or DEU"
        raise wrong(f"{show(data)} is not a country", expected=expected, suggestion=meant)
    return code


def parse_continent(data: object) -> str:
    """A continent's code of two letters."""
    code = data.upper() if isinstance(data, str) else ""
    if code not in _CONTINENTS:
        raise wrong(f"{show(data)} is not a continent", expected=f"one of {', '.join(_CONTINENTS)}")
    return code


_COUNTRY = {"type": "string", "pattern": "^[A-Za-z]{2,3}$"}
_CONTINENT = {"type": "string", "pattern": "^[A-Za-z]{2}$"}

Countries: TypeAlias = Annotated[
    tuple[str, ...],
    Value(
        "country, or list of them",
        list_of(parse_country),
        {"anyOf": [_COUNTRY, {"type": "array", "items": _COUNTRY}]},
    ),
]
Continents: TypeAlias = Annotated[
    tuple[str, ...],
    Value(
        "continent, or list of them",
        list_of(parse_continent),
        {"anyOf": [_CONTINENT, {"type": "array", "items": _CONTINENT}]},
    ),
]
