"""Our API objects: their fields, defaults, rules and errors, and the CRDs that are generated from them.

What people write is checked here once, against one set of models, whether it comes from a file, an admission request
or the API server; the rest of the application reads frozen values that are known to be good.
"""
