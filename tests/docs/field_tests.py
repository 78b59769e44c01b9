"""Which test fails without a field, by the path of the field below `spec`; one that has fields of its own speaks for
those that are not named themselves.

A test is named FILE::TEST, without its class and its parameters; the file is below tests/.
"""

TESTS: dict[str, str] = {
    # who, and what of it
    "provider": "controller/test_reading.py::test_the_process_provider_serves_canaries_that_name_none",
    "metricsServer": (
        "controller/test_reading.py::test_the_brief_names_the_process_metrics_server_unless_the_canary_has_its_own"
    ),
    "targetRef": "simulation/test_stories.py::test_a_good_version_is_promoted",
    "targetRef.kind": "simulation/test_daemonsets.py::test_a_version_is_promoted_and_the_target_rests_on_no_node",
    "autoscalerRef": "simulation/test_autoscalers.py::test_the_primary_gets_a_copy_and_the_target_rests",
    "autoscalerRef.kind": (
        "simulation/test_scaled_objects.py::test_the_pause_of_a_resting_target_is_not_copied_to_the_primary"
    ),
    "autoscalerRef.primaryScalerQueries": (
        "workloads/autoscalers/test_copying.py::test_a_query_that_the_canary_gives_is_asked_instead"
    ),
    "autoscalerRef.primaryScalerReplicas": (
        "workloads/autoscalers/test_copying.py::test_the_primary_has_its_own_bounds_when_they_are_given"
    ),
    "naming": "simulation/test_naming.py::test_a_run_goes_through_under_the_names_of_the_canary",
    "mode": "simulation/test_observing.py::test_beside_flagger_a_bad_version_is_told_and_nothing_is_written",
    # the user's own routes
    "routeRefs": "simulation/test_own_routes.py::test_a_good_version_is_promoted_over_the_users_route",
    "routeRefs[].routes": "routing/test_by_reference.py::test_only_the_named_routes_are_moved",
    "subsetRef": "simulation/test_own_routes.py::test_subsets_of_the_apex_host_are_the_roles",
    # other providers
    "ingressRef": "api/test_elsewhere.py::test_a_field_of_another_provider_is_named_with_whose_it_is_and_the_way_out",
    "routeRef": "api/test_elsewhere.py::test_a_field_of_another_provider_is_named_with_whose_it_is_and_the_way_out",
    "upstreamRef": "api/test_elsewhere.py::test_a_field_of_another_provider_is_named_with_whose_it_is_and_the_way_out",
    "service.backendTimeout": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    "service.gatewayRefs": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    "service.mirror": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    "service.meshName": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    "service.backends": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    "service.rewrite.type": "api/test_elsewhere.py::test_what_decides_where_traffic_goes_stops_a_run",
    # the Services
    "service": "workloads/test_names.py::test_everything_that_a_service_can_say",
    "service.name": "workloads/test_names.py::test_a_service_of_another_name_names_the_services_but_not_the_deployment",
    "service.port": "workloads/test_services.py::test_ports_and_metadata_are_as_the_canary_says",
    "service.portName": "workloads/test_services.py::test_ports_and_metadata_are_as_the_canary_says",
    "service.targetPort": "workloads/test_services.py::test_ports_and_metadata_are_as_the_canary_says",
    "service.appProtocol": "routing/test_hosts_and_tcp.py::test_weights_of_connections",
    "service.trafficDistribution": (
        "simulation/test_three_services.py::test_the_traffic_distribution_follows_the_canary_all_the_time"
    ),
    "service.portDiscovery": "workloads/test_ports.py::test_all_three_get_the_discovered_ports",
    "service.headless": (
        "workloads/test_ports.py::test_the_apex_is_made_without_an_address_and_the_roles_keep_theirs_for_the_weights"
    ),
    "service.apex": "simulation/test_three_services.py::test_metadata_is_put_on_and_taken_off_in_the_middle_of_a_run",
    "service.primary": "workloads/test_services.py::test_ports_and_metadata_are_as_the_canary_says",
    "service.canary": "workloads/test_services.py::test_ports_and_metadata_are_as_the_canary_says",
    "service.unmanagedMetadata": (
        "simulation/test_three_services.py::test_an_unmanaged_key_is_left_to_whoever_owns_it"
    ),
    # the routes
    "service.timeout": "routing/test_carried.py::test_the_rule_is_made_with_it",
    "service.retries": "routing/test_carried.py::test_the_rule_is_made_with_it",
    "service.rewrite": "routing/test_carried.py::test_the_rule_is_made_with_it",
    "service.headers": "routing/test_carried.py::test_the_rule_is_made_with_it",
    "service.corsPolicy": "routing/test_carried.py::test_the_rule_is_made_with_it",
    "service.hosts": "routing/test_hosts_and_tcp.py::test_the_apex_host_is_there_unless_it_is_among_them",
    "service.gateways": "routing/test_hosts_and_tcp.py::test_gateways_are_as_given",
    "service.delegation": "routing/test_hosts_and_tcp.py::test_a_delegate_has_neither",
    "service.match": "routing/test_special_rules.py::test_no_condition_of_the_service_is_lost",
    "service.trafficPolicy": "cluster/test_routes_accepted.py::test_every_traffic_policy_is_stored_as_it_was_rendered",
    # the analysis
    "analysis": "api/test_rollout.py::test_ten_lines_make_a_whole_rollout",
    "analysis.interval": "api/test_rollout.py::test_every_number_and_switch_arrives",
    "analysis.threshold": "strategies/test_windows.py::test_the_threshold_is_acted_on_in_the_tick_that_reaches_it",
    "analysis.iterations": "strategies/test_strategies.py::test_checks_beside_the_users_then_all_of_them_at_once",
    "analysis.maxWeight": "strategies/test_plan.py::test_the_weights_of_a_policy",
    "analysis.stepWeight": "strategies/test_plan.py::test_the_weights_of_a_policy",
    "analysis.stepWeights": "strategies/test_plan.py::test_the_weights_of_a_policy",
    "analysis.stepWeightPromotion": "strategies/test_strategies.py::test_the_primary_gets_its_users_back_in_steps",
    "analysis.mirror": "strategies/test_strategies.py::test_a_canary_gets_copies_before_any_user",
    "analysis.mirrorWeight": "strategies/test_strategies.py::test_copies_end_with_the_checks",
    "analysis.primaryReadyThreshold": (
        "strategies/test_plan.py::test_readiness_percentages_count_wanted_pods_and_want_at_least_one"
    ),
    "analysis.canaryReadyThreshold": "strategies/test_plan.py::test_readiness_percentages_decide_when_a_run_goes_on",
    "analysis.match": "simulation/test_strategies.py::test_those_who_match_meet_the_canary_and_nobody_else",
    "analysis.testerMatch": "simulation/test_strategies.py::test_they_meet_the_new_version_while_no_user_does",
    "analysis.metrics": "api/test_rollout.py::test_old_and_new_limits_are_one",
    "analysis.metrics[].grpcFailureStatuses": (
        "metrics/test_builtins.py::test_which_grpc_statuses_are_failures_can_be_said_per_metric"
    ),
    "analysis.checkIntervalSeconds": (
        "strategies/test_verdict_rules.py::test_a_bad_release_leaves_before_its_step_ends"
    ),
    "analysis.onInconclusive": (
        "strategies/test_verdict_rules.py::test_too_few_requests_in_each_window_are_judged_together_over_the_step"
    ),
    "analysis.maxDurationSeconds": (
        "strategies/test_verdict_rules.py::test_a_run_that_is_measured_without_an_end_is_rolled_back"
    ),
    "analysis.metrics[].failureLimit": (
        "strategies/test_verdict_rules.py::test_a_metric_may_have_its_own_number_of_failed_windows"
    ),
    "analysis.metrics[].consecutiveFailures": (
        "strategies/test_verdict_rules.py::test_failures_in_a_row_end_the_run_and_others_do_not"
    ),
    "analysis.metrics[].errorLimit": (
        "strategies/test_verdict_rules.py::test_errors_in_a_row_end_the_run_only_where_that_is_asked_for"
    ),
    "analysis.metrics[].onNoData": (
        "strategies/test_verdict_rules.py::test_a_step_without_data_holds_proceeds_or_rolls_back_as_asked"
    ),
    "analysis.metrics[].dryRun": (
        "strategies/test_verdict_rules.py::test_a_dry_run_is_shown_and_told_and_decides_nothing"
    ),
    "analysis.metrics[].initialDelaySeconds": (
        "strategies/test_verdict_rules.py::test_a_metric_begins_later_and_only_once_in_a_run"
    ),
    "analysis.metrics[].warmupSeconds": (
        "strategies/test_warming.py::test_the_first_window_begins_when_all_pods_are_warm"
    ),
    "analysis.metrics[].minSamples": (
        "metrics/test_min_samples.py::test_fewer_requests_than_asked_for_say_nothing_however_many_failed"
    ),
    "analysis.metrics[].compareWithPrimary": (
        "api/test_comparing.py::test_a_comparison_has_its_part_of_the_runs_false_alarms"
    ),
    "analysis.metrics[].templateRef": "simulation/test_templates.py::test_a_run_is_judged_by_what_a_template_asks",
    "analysis.metrics[].templateVariables": (
        "simulation/test_templates.py::test_a_variable_without_a_value_holds_and_is_named"
    ),
    "analysis.webhooks": "simulation/test_webhooks.py::test_every_hook_is_heard_in_its_time_and_with_flaggers_payload",
    "analysis.webhooks[].timeout": "outbound/test_caller.py::test_one_deadline_holds_for_head_and_body",
    "analysis.webhooks[].retries": "outbound/test_caller.py::test_it_is_tried_again_with_longer_and_longer_pauses",
    "analysis.webhooks[].metadata": "gates/test_webhooks.py::test_the_payload_is_what_flagger_sends",
    "analysis.webhooks[].muteAlert": (
        "strategies/test_webhooks_gates.py::test_a_muted_gate_becomes_an_event_and_alerts_nobody"
    ),
    "analysis.gates": "simulation/test_people.py::test_a_release_waits_for_sign_off_and_is_promoted_by_it",
    "analysis.gates[].before": "simulation/test_people.py::test_a_revision_waits_for_its_run_without_a_pod",
    "analysis.gates[].timeoutSeconds": (
        "simulation/test_people.py::test_a_gate_that_nobody_comes_to_in_time_ends_the_run_whoever_was_away"
    ),
    "analysis.gates[].onTimeout": "strategies/test_people.py::test_nobody_comes_in_time",
    "rolloutWindows": "simulation/test_people.py::test_a_release_waits_for_its_window",
    "rolloutWindows.appliesTo": "strategies/test_calendars.py::test_a_window_that_closes_over_a_run",
    "rolloutWindows.onClose": "simulation/test_people.py::test_a_window_closes_over_a_run",
    "analysis.webhooks[].disableTLS": "gates/test_webhooks.py::test_any_certificate_will_do_when_that_is_said",
    "analysis.webhooks[].headers": "gates/test_webhooks.py::test_headers_and_secrets_go_along",
    "analysis.webhooks[].secretRef": "gates/test_webhooks.py::test_headers_and_secrets_go_along",
    "analysis.webhooks[].caRef": "gates/test_webhooks.py::test_a_certificate_is_checked_against_ones_own_authority",
    "analysis.alerts": "simulation/test_alerts.py::test_a_run_is_one_message_that_ends_in_its_promotion",
    "analysis.sessionAffinity": "routing/test_special_rules.py::test_whoever_met_the_canary_stays_with_it",
    "analysis.sessionAffinity.primaryCookieName": (
        "routing/test_special_rules.py::test_whoever_met_the_primary_stays_for_an_interval"
    ),
    # the way there and back
    "preflight": (
        "simulation/test_guards.py::"
        "test_a_policy_that_would_miss_the_primary_keeps_everything_as_it_is_until_acknowledged"
    ),
    "promotion.method": (
        "simulation/test_switching.py::test_naming_a_version_releases_it_in_steps_and_the_old_one_stays_up"
    ),
    "promotion.keepPreviousSeconds": (
        "simulation/test_switching.py::test_after_its_time_the_previous_version_is_a_version_like_any"
    ),
    "promotion": "strategies/test_strategies.py::test_the_old_version_stays_until_the_bake_is_over",
    "progressDeadlineSeconds": "strategies/test_overrides_and_deadlines.py::test_the_progress_deadline_counts_pods",
    "skipAnalysis": "strategies/test_plan.py::test_skip_analysis_is_a_plan_without_steps",
    "revertOnDeletion": "simulation/test_reverting.py::test_everything_is_as_it_was",
    "suspend": "strategies/test_holding.py::test_suspended_means_hands_off",
    "paused": "strategies/test_holding.py::test_paused_holds_the_weight_while_checks_go_on",
    "traffic": "api/test_rollout.py::test_every_number_and_switch_arrives",
    "traffic.settleSeconds": (
        "strategies/test_promoted_runs.py::test_every_step_waits_for_settle_a_window_and_a_scrape"
    ),
    "traffic.drainSeconds": "strategies/test_leaving.py::test_the_canary_drains_for_drain_seconds_at_least",
    "traffic.drainMaxSeconds": (
        "strategies/test_leaving.py::test_the_drain_waits_for_prometheus_but_at_most_drain_max_seconds"
    ),
    "traffic.capacityCheck": "strategies/test_holding.py::test_without_the_capacity_check_one_pod_is_enough",
}
