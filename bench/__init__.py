"""Side-by-side measurements of forward proxies on one machine; `python bench/run.py` runs them."""
