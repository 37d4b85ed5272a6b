"""Which optical flow carries the paintings of a job."""

from __future__ import annotations

import torch

from pipeline.clip.warm_start import distances
from pipeline.motion.flow import DIS, FlowMethod
from pipeline.network.raft import open_raft
from pipeline.settings import Settings


def open_flow(settings: Settings, device: torch.device) -> FlowMethod:
    """The method behind the setting `flow`: 'dis', 'raft' or 'raft-small'. Where nothing is to be found, DIS.

    :raises WeightsError: RAFT's weights are not on this machine, or damaged. Another method never takes its place.
    """
    name = settings.flow
    if name == "dis" or not distances(settings):
        return DIS
    from pipeline.motion.raft import Raft

    opened = open_raft(name)
    return Raft(opened.network, f"{name} ({opened.digest[:8]})", device)
