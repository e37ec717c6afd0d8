/// What the exports of common service desks call things, in English and, for GLPI, French.
///
/// Of several names of one field the first that the header has counts, whatever its cells hold; only
/// `app` goes on to the next name where a cell is empty. Titles and descriptions are not taken: they are
/// free text that may hold names. A mapping can take them.
extension TicketExport {
  /// ServiceNow incidents: list exports (labels or field names) and audit trails with a row an update.
  static let serviceNow: TicketExport = {
    var export = TicketExport(
      name: "servicenow",
      columns: [
        .id: ["number", "task_number"],
        .requester: ["caller_id_user_name", "caller_id", "caller", "opened_for", "requested_for"],
        .opened: ["opened_at", "opened", "sys_created_on", "sys_created_at", "created"],
        .resolved: ["resolved_at", "resolved", "closed_at", "closed"],
        .reopened: ["reopen_count"],
        .app: ["business_service", "service", "cmdb_ci", "configuration_item"],
        .category: ["category"], .priority: ["priority"],
        .state: ["incident_state", "state"],
        .effortSeconds: ["time_worked_seconds"],
        .group: ["assignment_group"], .owner: ["assigned_to"],
        .reassignments: ["reassignment_count"],
        .level: ["u_support_level", "support_level", "escalation_level"],
        .updated: ["sys_updated_on", "sys_updated_at", "updated"],
      ],
      states: [
        "new": .new, "1": .new,
        "active": .open, "in_progress": .open, "work_in_progress": .open, "assigned": .open, "2": .open,
        "on_hold": .open, "pending": .open, "3": .open, "4": .open, "5": .open, "awaiting_user_info": .open,
        "awaiting_caller": .open, "awaiting_vendor": .open, "awaiting_problem": .open,
        "awaiting_evidence": .open, "awaiting_change": .open,
        "resolved": .done, "6": .done, "closed": .done, "closed_complete": .done,
        "closed_incomplete": .done, "closed_skipped": .done, "7": .done, "canceled": .done,
        "cancelled": .done, "8": .done,
      ], missing: ["?"])
    export.derivesFirstResponse = true
    return export
  }()

  /// Jira and Jira Service Management: "Export CSV (all fields)", with columns that stand several times.
  static let jira = TicketExport(
    name: "jira",
    columns: [
      .id: ["issue_key", "key"],
      .requester: ["reporter"],
      .opened: ["created"],
      .firstResponse: ["custom_field_first_response", "first_response", "custom_field_first_response_date"],
      .resolved: ["resolved", "resolution_date", "resolutiondate"],
      .reopened: ["custom_field_reopen_count", "reopen_count", "custom_field_reopened"],
      .app: [
        "component_s", "components", "component", "custom_field_affected_services", "affected_services",
      ],
      .category: ["issue_type", "custom_field_request_type", "request_type"],
      .priority: ["priority"], .state: ["status"],
      .satisfaction: ["satisfaction_rating", "custom_field_satisfaction", "satisfaction"],
      .effortSeconds: ["time_spent"],
      .group: ["custom_field_team", "custom_field_assignment_group", "team"],
      .owner: ["assignee"],
      .reassignments: ["custom_field_reassignments", "custom_field_reassignment_count"],
      .level: ["custom_field_support_level", "support_level"],
      .updated: ["updated"],
    ],
    states: [
      "to_do": .new, "open": .new, "new": .new, "backlog": .new, "waiting_for_support": .new,
      "in_progress": .open, "reopened": .open, "in_review": .open, "pending": .open, "escalated": .open,
      "waiting_for_customer": .open, "waiting_for_approval": .open, "work_in_progress": .open,
      "under_investigation": .open, "selected_for_development": .open, "blocked": .open,
      "awaiting_implementation": .open, "on_hold": .open,
      "done": .done, "resolved": .done, "closed": .done, "canceled": .done, "cancelled": .done,
      "completed": .done, "declined": .done, "won_t_do": .done,
    ])

  /// GLPI tickets: the search list exported as CSV, semicolons, English or French titles.
  static let glpi: TicketExport = {
    var export = TicketExport(
      name: "glpi",
      columns: [
        .id: ["id"],
        .requester: ["requester_requester", "requester", "demandeur_demandeur", "demandeur"],
        .opened: ["opening_date", "date_d_ouverture", "date"],
        .firstResponse: ["take_into_account_date", "date_de_prise_en_compte"],
        .resolved: [
          "resolution_date", "solution_date", "date_de_résolution", "date_de_resolution", "closing_date",
          "date_de_clôture",
        ],
        .app: ["associated_element", "associated_elements", "élément_associé", "éléments_associés"],
        .category: ["category", "catégorie", "categorie"],
        .priority: ["priority", "priorité", "priorite"],
        .state: ["status", "statut"],
        .satisfaction: [
          "satisfaction_survey_satisfaction", "satisfaction", "enquête_de_satisfaction_satisfaction",
        ],
        .group: [
          "assigned_to_technician_group", "technician_group", "attribué_à_groupe_de_techniciens",
          "groupe_de_techniciens",
        ],
        .owner: ["assigned_to_technician", "technician", "attribué_à_technicien", "technicien"],
        .updated: ["last_update", "dernière_modification", "derniere_modification"],
      ],
      states: [
        "new": .new, "nouveau": .new,
        "processing_assigned": .open, "processing_planned": .open, "pending": .open, "approval": .open,
        "en_cours_attribué": .open, "en_cours_planifié": .open, "en_attente": .open,
        "solved": .done, "closed": .done, "résolu": .done, "clos": .done,
      ])
    export.stripsSpacesFromID = true
    return export
  }()
}
