"""What the kernel answers, a module for each kind of request.

Section names in these modules are those of the messaging specification.
"""
