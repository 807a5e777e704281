package dialect

import (
	"context"
	"database/sql"
	"encoding/hex"
	"slices"
	"strings"
)

// InstalledTriggers looks at the schema of the outbox and at those that it is said to have
// triggers in, see inSchema: to look for triggers in all schemas opens all tables, and
// waits for who has locked one. The triggers of other outboxes there name the schema of
// theirs.
func (d mysql) InstalledTriggers(ctx context.Context, db Queryer, program string) ([]TriggerObject, error) {
	home, err := d.Home(ctx, db)
	if err != nil {
		return nil, err
	}
	routines, err := d.routines(ctx, db, home, program)
	if err != nil {
		return nil, err
	}
	triggers, err := d.triggersIn(ctx, db, home, program, func(text string) bool { return !strings.Contains(text, "`.`filecleangen_") })
	if err != nil {
		return nil, err
	}
	for i := range routines {
		schema, is := strings.CutPrefix(routines[i].comment, schemaComment)
		if !is {
			continue
		}
		name, err := hex.DecodeString(schema)
		if err != nil {
			continue // it is none of ours
		}
		there, err := d.triggersIn(ctx, db, string(name), program, func(text string) bool { return strings.Contains(text, d.Quote(home)+".`filecleangen_") })
		if err != nil {
			return nil, err
		}
		routines[i].Used = len(there) > 0
		triggers = append(triggers, there...)
	}
	all := make([]TriggerObject, 0, len(triggers)+len(routines))
	for _, t := range triggers {
		for i := range t.Tracks {
			if strings.HasPrefix(t.Tracks[i].Table, ".") {
				t.Tracks[i].Table = home + t.Tracks[i].Table
			}
		}
		all = append(all, t.TriggerObject)
	}
	for _, r := range slices.Backward(routines) {
		calls := func(o mysqlInstalled) bool { return o.Name != r.Name && strings.Contains(o.text, r.Name) }
		r.Used = r.Used || slices.ContainsFunc(triggers, calls) || slices.ContainsFunc(routines, calls)
		all = append(all, r.TriggerObject)
	}
	return all, nil
}

// mysqlInstalled is a trigger or a routine.
type mysqlInstalled struct {
	TriggerObject
	text, comment string
}

func (d mysql) triggersIn(ctx context.Context, db Queryer, schema, program string, ours func(text string) bool) (all []mysqlInstalled, err error) {
	s := New(d, "SELECT 'TRIGGER', trigger_name, event_object_table, action_statement, '' FROM information_schema.triggers").
		Add(" WHERE event_object_schema = ? AND trigger_name LIKE 'filecleangen|_%' ESCAPE '|' ORDER BY 3, 2", schema)
	found, err := d.installed(ctx, db, s, schema, program)
	for _, o := range found {
		if ours(o.text) {
			o.Table = schema + "." + o.Table
			all = append(all, o)
		}
	}
	return all, err
}

func (d mysql) routines(ctx context.Context, db Queryer, home, program string) ([]mysqlInstalled, error) {
	s := New(d, "SELECT routine_type, routine_name, '', coalesce(routine_definition, ''), routine_comment FROM information_schema.routines").
		Add(" WHERE routine_schema = ? AND routine_name LIKE 'filecleangen|_%' ESCAPE '|' ORDER BY 2", home)
	return d.installed(ctx, db, s, home, program)
}

func (d mysql) installed(ctx context.Context, db Queryer, s *Statement, schema, program string) (all []mysqlInstalled, err error) {
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var kind string
		var o mysqlInstalled
		if err := rows.Scan(&kind, &o.Name, &o.Table, &o.text, &o.comment); err != nil {
			return err
		}
		if event, ours := triggerOf(o.Name, program); ours {
			o.Event, o.Drop, o.Tracks = event, d.dropTrigger(kind, schema, o.Name), tracked(o.text)
			all = append(all, o)
		}
		return nil
	})
	return all, err
}

// schemaComment is how the comment begins of a function that says where triggers are.
const schemaComment = "filecleangen: triggers in "

// inSchema returns a function that does nothing but say that there are triggers in another
// schema than that of the outbox.
func (d mysql) inSchema(w *TriggerWriter, schema string) TriggerObject {
	m := mysqlHelpers{d: d, w: w}
	m.add("FUNCTION", "schema", "() RETURNS INTEGER DETERMINISTIC NO SQL COMMENT '"+schemaComment+hex.EncodeToString([]byte(schema))+"' RETURN 1")
	return m.all[0]
}
