"""Memory plan: where each tensor lies, how each op is cut into steps, where commits go (schema/SPEC.md, "Plan and commits")."""

from freeml_pack.plan.check import CommitRuleError, check_commit_rule
from freeml_pack.plan.cost import dense_macs
from freeml_pack.plan.intervals import PlanCosts, plan_costs
from freeml_pack.plan.planner import plan
from freeml_pack.plan.separate import separate
from freeml_pack.plan.space import commit_count, op_space, tile_count
from freeml_pack.plan.split_sums import split_sums, step_fits
from freeml_pack.plan.types import Allocation, MemoryPlan, OpPlan

__all__ = [
    "Allocation",
    "CommitRuleError",
    "MemoryPlan",
    "OpPlan",
    "PlanCosts",
    "check_commit_rule",
    "commit_count",
    "dense_macs",
    "op_space",
    "plan",
    "plan_costs",
    "separate",
    "split_sums",
    "step_fits",
    "tile_count",
]
