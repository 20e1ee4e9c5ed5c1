"""What a model of the choice of treatment says of one patient."""

from dataclasses import dataclass

from inference.results.origin import ModelVersion
from inference.results.therapy import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingInput:
    """An input that is not known, and what it could change if it alone were.

    Attributes:
        label: What it is called.
        low: Least probability, 0 to 1, of the option that is the most probable one now,
            over the plausible values of the input.
        high: Greatest, likewise.
        could_become: Other options that one of these values makes the most probable.

    """

    label: str
    low: float
    high: float
    could_become: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarPatients:
    """The patients of a synthetic cohort that are most alike, and what they were given.

    Attributes:
        count: How many; all of them are invented.
        given: The share of them who were given each option, the largest first.

    """

    count: int
    given: tuple[tuple[Option, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentEstimate:
    """What patients like this one are given: no advice, and never an order.

    Attributes:
        trained_on: What the model learned from, in words that stand wherever it is
            shown.
        refusals: Why there is no estimate; empty where there is one, and only then.
        probabilities: Of each option, the most probable first; they sum to 1.
        conformal_set: The options that hold what was chosen for 90 of 100 patients;
            several mean that there is no single suggestion.
        reasons: Sentences on what moved the most probable option, most first.
        nearest_change: A sentence: the least change of what can change that would make
            another option the most probable, or that none does.
        similar: What similar patients were given, ``None`` where the model comes
            without its cohort.
        used: The known inputs, as label and words.
        missing: The inputs that are not known; none of them is filled in.
        sources: References to the resources of the chart that the inputs are from.
        model: The model.

    """

    trained_on: str
    refusals: tuple[str, ...] = ()
    probabilities: tuple[tuple[Option, float], ...] = ()
    conformal_set: tuple[Option, ...] = ()
    reasons: tuple[str, ...] = ()
    nearest_change: str = ""
    similar: SimilarPatients | None = None
    used: tuple[tuple[str, str], ...] = ()
    missing: tuple[MissingInput, ...] = ()
    sources: tuple[str, ...] = ()
    model: ModelVersion

    @property
    def single_suggestion(self) -> Option | None:
        """The only option of the set, ``None`` where there are several or none."""
        return self.conformal_set[0] if len(self.conformal_set) == 1 else None
