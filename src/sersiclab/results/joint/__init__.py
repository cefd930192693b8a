"""Fits of several images together."""

from sersiclab.results.joint.joint_fit import JointFit as JointFit
