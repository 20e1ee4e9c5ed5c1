"""How far an answer can be trusted: what is refused, and what is shown as uncertain.

``headers`` asks the DICOM attributes, ``traits`` and ``model`` ask whether what was
found looks like a lumbar spine, ``metal`` looks for implants, and ``confidence`` says
how well each outline probably fits.
"""
