"""A worker process with the stub analysis; it hangs once where a test says so."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydicom import Dataset

from inference.results import CaseReport, ClinicalFeatures, Stage
from smart_app.jobs.worker_process import make_worker
from smart_app.settings import Settings
from tests.smart_app.stub import MARK_VARIABLE, StubAnalysis

FOREVER_S = 600


class HangingAnalysis(StubAnalysis):
    """Hangs the first time, and leaves a mark so that the next one does not."""

    def run(
        self,
        datasets: Sequence[Dataset],
        *,
        features: ClinicalFeatures,
        progress: Callable[[Stage, float], None],
        level_shift: int,
        with_masks: bool,
    ) -> tuple[CaseReport, bytes | None]:
        """Return the report, unless this is the first time."""
        mark = Path(os.environ.get(MARK_VARIABLE, os.devnull))
        if not mark.exists():
            mark.touch()
            time.sleep(FOREVER_S)
        return super().run(
            datasets,
            features=features,
            progress=progress,
            level_shift=level_shift,
            with_masks=with_masks,
        )


app = make_worker(Settings.from_env(), HangingAnalysis)
