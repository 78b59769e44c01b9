"""ConfigMaps and Secrets as a part of what a revision is.

Which of them a pod template names (references), what makes two contents differ and what the primary gets instead of
them (content, copies). Pure: contents are passed through, never kept and never told.
"""
