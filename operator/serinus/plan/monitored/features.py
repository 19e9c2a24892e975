"""featureDrift: what stable is asked, feature by feature."""

from functools import partial

from serinus.api.monitoring import FeatureDrift
from serinus.api.quantities import fraction
from serinus.api.reasons import Reason
from serinus.api.status import Distributions, Monitored
from serinus.judge.drift import Tolerance, Watched, distributions, feature_queries, given
from serinus.plan.monitored.compared import Compared, recording
from serinus.plan.monitored.quantity import NOT_MEASURED, ConditionState


class Features(Compared):
    """By name of the feature."""

    name = "features"
    condition = "Drifted"
    amiss = Reason.FEATURES_DRIFTED
    _settings: FeatureDrift

    @property
    def watched(self) -> Watched:
        """The histogram of numeric values, and the counter of categories."""
        settings = self._settings
        return Watched(
            feature_queries(settings),
            partial(
                distributions,
                feature_label=settings.feature_label,
                category_label=settings.category_label,
            ),
            settings.reference,
            Tolerance(settings.tolerance, fraction(settings.absolute_tolerance)),
            settings.category_label,
            "featureDrift.categoryLabel",
        )

    def basis(self, revision: str) -> str:
        """A reference that is given is that of every revision."""
        return self._settings.digest if self._settings.reference.given else super().basis(revision)

    def begun(self, basis: str) -> Distributions:
        """With the reference that is given."""
        return Distributions(basis=basis, reference=given(self._settings.reference.given or ()))

    @classmethod
    def known(cls, monitored: Monitored) -> Distributions | None:
        """The status has it beside the other quantities."""
        found = {field: getattr(monitored, field) for field in Distributions.model_fields}
        return Distributions().replace(**found) if monitored.basis else None

    @classmethod
    def with_known(cls, monitored: Monitored, found: Distributions | None) -> Monitored:
        """The status with it."""
        return monitored.replace(**dict(found or Distributions()))

    def awaited(self, known: Distributions) -> ConditionState:
        """A given reference is not recorded."""
        reference = self._settings.reference
        return NOT_MEASURED if reference.given else recording("inputs", reference)
