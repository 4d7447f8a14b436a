"""ParcelSight finds firearms, firearm parts and ammunition in X-ray scans of parcels.

The repository root is this package; its rooms read as the data flow:
``datasets`` (scans in, labelled scans out) → ``training`` → ``export`` → ``inference`` → ``screening``,
on top of ``detector`` (what is detected and by what). ``commands`` is the command line over all of them.
"""

__version__ = "0.1.0"
