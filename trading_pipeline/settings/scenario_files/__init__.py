"""From a scenario file to plain scenarios: variants, the older form, costs that are left out.

Read `scenario_file` first; it puts `older_form` with `older_mapping`, `variants` and
`default_costs` together. What a scenario is stands in `settings.scenario`, not here.
"""
