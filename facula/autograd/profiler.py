"""`torch.autograd.profiler`: the older names of the profiler, as scripts still use them."""

from __future__ import annotations

from typing import Any

from ..profiler._events import EventList as EventList
from ..profiler._events import FunctionEvent as FunctionEvent
from ..profiler._events import FunctionEventAvg as FunctionEventAvg
from ..profiler._profile import profile as _profile
from ..profiler._profile import record_function as record_function


class profile(_profile):
    """Profiles a `with` block. enabled: False does nothing; other arguments as in `profiler`."""

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cpu: bool = True,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        **others: Any,
    ) -> None:
        super().__init__(
            record_shapes=record_shapes, with_flops=with_flops, profile_memory=profile_memory,
            with_stack=with_stack, with_modules=with_modules,
        )  # fmt: skip
        self.enabled = enabled and use_cpu

    def start(self) -> None:
        if self.enabled:
            super().start()

    @property
    def function_events(self) -> EventList:
        """Everything that ran."""
        return self.events()

    def table(self, sort_by: str | None = None, row_limit: int = 100, **more: Any) -> str:
        """The events as text; `key_averages().table()` has one row for each name."""
        return self.events().table(sort_by=sort_by, row_limit=row_limit, **more)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of everything together."""
        return self.events().self_cpu_time_total
