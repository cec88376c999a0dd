"""What `jupyter lite build` runs of async-kernel-lite: it ships packages, bakes the snapshot and counts bytes."""
