package generator

import (
	"go/token"
	"go/types"
	"reflect"
	"testing"
)

// TestNaming has what the layers were seen to write: gorm v1.31.2, bun v1.3.0,
// go-pg v10.11.0, xorm v1.4.3, beego v2.3.8, scany v2.1.4.
func TestNaming(t *testing.T) {
	for name, want := range map[string][4]string{ // snakeCase, gorm, bun, xorm
		"ID":           {"id", "id", "id", "i_d"},
		"UserID":       {"user_id", "user_id", "user_id", "user_i_d"},
		"HTMLBody":     {"html_body", "html_body", "html_body", "h_t_m_l_body"},
		"PhotoURL":     {"photo_url", "photo_url", "photo_url", "photo_u_r_l"},
		"S3Key":        {"s3_key", "s3_key", "s3_key", "s3_key"},
		"OAuth2Token":  {"o_auth2_token", "o_auth2_token", "o_auth2_token", "o_auth2_token"},
		"AvatarX2":     {"avatar_x2", "avatar_x2", "avatar_x2", "avatar_x2"},
		"ID3":          {"id3", "id3", "id3", "i_d3"},
		"UserIDs":      {"user_i_ds", "user_ids", "user_i_ds", "user_i_ds"},
		"UUID":         {"uuid", "uuid", "uuid", "u_u_i_d"},
		"APIKey":       {"api_key", "api_key", "api_key", "a_p_i_key"},
		"XY":           {"xy", "xy", "xy", "x_y"},
		"AB1C":         {"ab1_c", "ab1_c", "ab1c", "a_b1_c"},
		"Address_Line": {"address_line", "address_line", "address__line", "address__line"},
		"SKUs":         {"sk_us", "sk_us", "sk_us", "s_k_us"},
		"HTTPSPort":    {"https_port", "http_s_port", "https_port", "h_t_t_p_s_port"},
		"IPv4":         {"i_pv4", "ipv4", "i_pv4", "i_pv4"},
		"HasX":         {"has_x", "has_x", "hasx", "has_x"},
		"VIPUser":      {"vip_user", "v_ip_user", "vip_user", "v_i_p_user"},
		"MyQRCode":     {"my_qr_code", "my_qr_code", "my_qr_code", "my_q_r_code"},
		"SHA256Sum":    {"sha256_sum", "sha256_sum", "sha256_sum", "s_h_a256_sum"},
		"cover":        {"cover", "cover", "cover", "cover"},
		"":             {"", "", "", ""},
	} {
		got := [4]string{snakeCase(name), gormNaming(name), underscore(name), eachUpper(name)}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestColumnTags(t *testing.T) {
	for tag, want := range map[string]string{
		`db:"cover_key"`:                      "cover_key db",
		`db:",omitempty"`:                     "x guessed",
		`db:"-"`:                              "x guessed",
		`gorm:"type:text; COLUMN: c ;index"`:  "c gorm",
		`gorm:"index"`:                        "x guessed",
		`bun:"c,notnull"`:                     "c bun",
		`bun:",pk"`:                           "x guessed",
		`bun:"type:jsonb"`:                    "x guessed",
		`bun:"column:c"`:                      "c bun",
		`pg:"c,array"`:                        "c pg",
		`boil:"c" json:"j"`:                   "c boil",
		`json:"j"`:                            "x guessed",
		`orm:"size(10);column(c)"`:            "c orm",
		`reform:"c,pk"`:                       "c reform",
		`bson:"c,omitempty"`:                  "c bson",
		`gorm:"-" db:"c"`:                     "c db",
		`xorm:"'c' varchar(20) notnull"`:      "c xorm",
		`xorm:"varchar(255) cover_name"`:      "cover_name xorm",
		`xorm:"default 'x' nm"`:               "nm xorm",
		`xorm:"default 'x'"`:                  "x guessed",
		`xorm:"TEXT comment('a b') not null"`: "x guessed",
		`xorm:"foo bar"`:                      "bar xorm",
		`xorm:"foo(3)"`:                       "foo xorm",
		`xorm:"enum('a', 'b') 'c'"`:           "c xorm",
		`xorm:"<- text"`:                      "x guessed",
		`xorm:"index(i) unique(u)"`:           "x guessed",
	} {
		f := &fieldFacts{tag: reflect.StructTag(tag), v: newVar("X")}
		name, from := columnOf(f, 0)
		if got := name + " " + from; got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

func newVar(name string) *types.Var {
	return types.NewVar(token.NoPos, nil, name, types.Typ[types.String])
}
