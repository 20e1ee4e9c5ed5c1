"""From the voxels of an image to vertebra, disc and canal."""
