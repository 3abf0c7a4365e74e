"""The resolver that asks recursive name servers itself: a file for each transport, one for the choice of servers.

It is g3's ``hickory``, which is named after the library that it uses there.
"""
