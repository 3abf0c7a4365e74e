"""The value types of the configuration language: one module per family.

Import from the modules: this package imports nothing, because sections need some of them and some of them are sections.
"""
