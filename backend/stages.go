package backend

// stage is a temporary table.
type stage struct{ name, columns, create, merge string }

// stages are the temporary tables that COPY fills, and the statements that
// take their rows over. Rows are sorted by key, so that two consumers that
// write the same rows wait for each other instead of deadlocking.
func stages() []stage {
	return []stage{
		{"stage_events", "id revision kind agency vehicle boot_id seq recorded_at received_at purge_at event", "(LIKE events) ON COMMIT DELETE ROWS",
			`INSERT INTO events SELECT DISTINCT ON (id, revision) * FROM stage_events ORDER BY id, revision ON CONFLICT DO NOTHING`},
		{"stage_reads", "id revision agency vehicle plate state confidence preview at lat lon purge_at", "(LIKE reads) ON COMMIT DELETE ROWS",
			`INSERT INTO reads SELECT DISTINCT ON (id) * FROM stage_reads ORDER BY id, revision DESC
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, plate = excluded.plate, state = excluded.state, confidence = excluded.confidence,
			preview = excluded.preview, at = excluded.at, lat = excluded.lat, lon = excluded.lon, purge_at = excluded.purge_at WHERE excluded.revision > reads.revision`},
		{"stage_hits", "id revision read_id agency vehicle list entry_id match probability state_verdict withdrawn at purge_at", "(LIKE hits) ON COMMIT DELETE ROWS",
			`INSERT INTO hits SELECT DISTINCT ON (id) * FROM stage_hits ORDER BY id, revision DESC
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, match = excluded.match, probability = excluded.probability,
			state_verdict = excluded.state_verdict, withdrawn = excluded.withdrawn, purge_at = excluded.purge_at WHERE excluded.revision > hits.revision`},
		{"stage_received", "boot_id from_seq to_seq agency vehicle", "(LIKE received) ON COMMIT DELETE ROWS",
			`INSERT INTO received SELECT * FROM stage_received ORDER BY boot_id, from_seq, to_seq ON CONFLICT DO NOTHING`},
		{"stage_pieces", "sha256 offset size jpeg read_id received_at agency vehicle", "(LIKE pieces) ON COMMIT DELETE ROWS",
			`INSERT INTO pieces SELECT DISTINCT ON (sha256, "offset") * FROM stage_pieces ORDER BY sha256, "offset" ON CONFLICT DO NOTHING`},
		{"stage_vehicles", "agency vehicle kind seen_at data", "(LIKE vehicles) ON COMMIT DELETE ROWS",
			`INSERT INTO vehicles SELECT DISTINCT ON (agency, vehicle, kind) * FROM stage_vehicles ORDER BY agency, vehicle, kind, seen_at DESC
		ON CONFLICT (agency, vehicle, kind) DO UPDATE SET seen_at = excluded.seen_at, data = excluded.data WHERE excluded.seen_at >= vehicles.seen_at`},
		{"stage_letters", "hash topic reason received_at payload", "(hash text, topic text, reason text, received_at timestamptz, payload bytea) ON COMMIT DELETE ROWS",
			`INSERT INTO dead_letters (hash, topic, reason, received_at, payload) SELECT DISTINCT ON (hash) * FROM stage_letters ORDER BY hash ON CONFLICT DO NOTHING`},
	}
}
