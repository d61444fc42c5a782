"""The job types that come with Corral, a folder each.

The folder's own package holds the declaration and its models, which any program may import to submit a job; the module
`handlers` in it does the work, and only workers import that.
"""

__version__ = "0.1.0"
