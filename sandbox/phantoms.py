"""Phantom volumes, drawn once: drawing takes seconds, a second start should not."""

import hashlib
from pathlib import Path

import numpy as np

from inference.phantom import drawing
from inference.phantom.drawing import draw_phantom
from inference.phantom.spec import PhantomSpec
from inference.volume import Geometry, Volume

CACHE = Path(__file__).parents[1] / "var" / "phantoms"


def phantom_volume(spec: PhantomSpec, *, cache: Path = CACHE) -> Volume:
    """Draw a phantom, or read it where the same one has been drawn before."""
    files = sorted(Path(drawing.__file__).parent.glob("*.py"))
    code = b"".join(path.read_bytes() for path in files)
    key = hashlib.sha256(code + repr(spec).encode()).hexdigest()
    path = cache / f"{key}.npz"
    if not path.exists():
        volume = draw_phantom(spec).volume
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        affine_mm = volume.geometry.affine_mm
        np.savez(partial, voxels=volume.voxels, affine_mm=affine_mm)
        partial.replace(path)  # a drawing that is interrupted leaves no half file
        return volume
    with np.load(path) as stored:
        voxels, affine_mm = stored["voxels"], stored["affine_mm"]
    geometry = Geometry(affine_mm=affine_mm, shape=voxels.shape)
    return Volume(voxels=voxels, geometry=geometry)
