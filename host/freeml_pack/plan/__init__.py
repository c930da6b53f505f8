"""Memory plan: where each tensor lies, how each op is cut into steps, where commits go (schema/SPEC.md, "Plan and commits")."""

from freeml_pack.plan.check import CommitRuleError, check_commit_rule
from freeml_pack.plan.planner import plan
from freeml_pack.plan.tile import commit_count, op_space, tile_count
from freeml_pack.plan.types import Allocation, MemoryPlan, OpPlan

__all__ = [
    "Allocation",
    "CommitRuleError",
    "MemoryPlan",
    "OpPlan",
    "check_commit_rule",
    "commit_count",
    "op_space",
    "plan",
    "tile_count",
]
