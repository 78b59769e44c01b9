"""What the sandbox's API server knows of the shapes of objects: to fill in, cut back, refuse, patch and show them.

Pure functions on plain JSON. Expressions of CRDs (`x-kubernetes-validations`) are not evaluated: they need Kubernetes'
own extensions of CEL, and the rules of this project's kinds are checked by its models at admission all the same.
"""
