"""Every error that a user of Reelbrush can cause, each with its exit code.

A message is one paragraph that says what went wrong, where, and what to do about it. The command line
prints the paragraph and leaves with `exit_code`; a library caller catches `ReelbrushError`.
"""

from __future__ import annotations


class ReelbrushError(Exception):
    """Something a user can mend; `str(error)` is the paragraph that says how."""

    exit_code = 1


class UsageError(ReelbrushError):
    """The request contradicts itself or names something that does not exist as an option."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has an unknown name or an impossible value."""


class MediaError(ReelbrushError):
    """A video or a picture cannot be read as what it claims to be."""


class WrongFileError(MediaError):
    """What was named is not there, is no file, or has not the shape of what it is for: a mistake of who named it, not a
    fault of the file."""

    exit_code = 2


class OutputError(ReelbrushError):
    """A result cannot be written: it exists already, the folder is read-only."""


class OutputNameError(OutputError):
    """No result can have the name that was given: it ends in what cannot be written, or its folder is not there."""

    exit_code = 2


class DiskFullError(OutputError):
    """There is no room for a result, or for the frames on the way to it."""


class WeightsError(ReelbrushError):
    """The weights of a feature network are missing, incomplete or not what they should be."""


class NoWeightsError(WeightsError):
    """The file of weights that was named is not there."""

    exit_code = 2


class DeviceError(ReelbrushError):
    """The device that was asked for is not there or cannot do the work."""


class UnknownDeviceError(DeviceError):
    """There is no device of that name on any machine."""

    exit_code = 2


class PaintingError(ReelbrushError):
    """The optimisation of a frame broke down and could not be recovered."""


class NotEnoughMemoryError(ReelbrushError):
    """The memory of the device does not suffice for a frame, whatever was tried."""


class ClusterError(ReelbrushError):
    """The Dask cluster does not answer, or none of its workers can paint."""


class StoreError(ReelbrushError):
    """The work folder of a job holds something that does not belong to this job."""


class NoStoreError(StoreError):
    """What was named as the folder of a job is none."""

    exit_code = 2


class DamagedFrameError(StoreError):
    """A finished frame in the work folder of a job is no longer what was written."""


class ReplayError(ReelbrushError):
    """A result does not say how it was made, or what it was made from is not at hand."""


class BusyError(StoreError):
    """Another process is at work in the work folder of a job."""
