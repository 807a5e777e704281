package dialect

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
)

// A Tracked is a column that triggers say they track, in their text. Another
// version of the program, which does not know the column, can so have its own track it, too.
type Tracked struct {
	Table    string   `json:"table"`
	Column   string   `json:"column"`
	Form     Form     `json:"form"`
	Storage  string   `json:"storage"`
	Model    string   `json:"model"`
	Field    string   `json:"field"`
	Prefix   string   `json:"prefix,omitempty"`
	Keep     bool     `json:"keep,omitempty"`
	Defaults []string `json:"defaults,omitempty"`
	Keys     []string `json:"keys"`
}

// tracksText begins what they say.
const tracksText = "filecleangen tracks "

// says is what triggers on a table say. Whatever the names are, it ends nothing that it
// stands in, and nobody unescapes it.
func (t *TriggerTable) says(table string) string {
	all := make([]Tracked, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		all[i] = Tracked{table, c.Column, c.Form, c.Storage, c.Model, c.Field, c.Prefix, c.Keep, c.Defaults, c.keys()}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // texts and numbers can be written
	}
	return tracksText + base64.StdEncoding.EncodeToString(text)
}

// tracks is what they say, in their text.
var tracks = regexp.MustCompile(tracksText + "([A-Za-z0-9+/=]+)")

// tracked returns what the text of a trigger says that it tracks, if it does.
func tracked(text string) (all []Tracked) {
	said := tracks.FindStringSubmatch(text)
	if said == nil {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(said[1])
	if err != nil || json.Unmarshal(decoded, &all) != nil {
		return nil
	}
	return all
}
