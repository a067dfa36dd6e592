"""What the service decides and why: no clock, no disk, no network, standard library only.

Start with [`policy`][service_monitoring.domain.policy]: the aggregate root that owns every decision.
"""
