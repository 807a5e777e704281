package generator

import (
	"slices"
	"strings"
	"unicode"
)

// What layers call the column of a field that no tag names. All of them can be
// told to do otherwise, so that such a name is a guess.

// snakeCase writes CoverURL as cover_url and S3Key as s3_key: what people mean,
// and what scany, ent and many others do.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && runes[i-1] != '_' &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// underscore is bun's and go-pg's (internal/underscore.go): CoverURL is cover_url,
// and HasX hasx.
func underscore(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) {
			if i > 0 && i+1 < len(name) && (isLower(name[i-1]) || isLower(name[i+1])) {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// eachUpper is that of xorm's SnakeMapper (names/mapper.go) and of beego
// (models_utils.go, SnakeString): CoverURL is cover_u_r_l.
func eachUpper(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// gormNaming is gorm's default NamingStrategy (schema/naming.go, toDBName):
// CoverURL is cover_url, and HTTPSPort http_s_port.
func gormNaming(name string) string {
	if name == "" {
		return ""
	}
	value := gormInitialisms.Replace(name)
	var b strings.Builder
	last, current := false, isUpper(value[0]) // whether they are upper case
	for i, r := range value[:len(value)-1] {
		next := value[i+1]
		if current {
			inWord := last && (isUpper(next) || next >= '0' && next <= '9')
			if !inWord && i > 0 && value[i-1] != '_' && next != '_' {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
		last, current = current, isUpper(next)
	}
	end := value[len(value)-1]
	if current {
		if !last && len(value) > 1 {
			b.WriteByte('_')
		}
		end += 'a' - 'A'
	}
	b.WriteByte(end)
	return b.String()
}

// gormInitialisms are words that gorm takes for one, in its order.
var gormInitialisms = func() *strings.Replacer {
	var pairs []string
	for word := range strings.FieldsSeq("API ASCII CPU CSS DNS EOF GUID HTML HTTP HTTPS ID IP JSON LHS QPS RAM RHS RPC SLA SMTP SSH TLS TTL UID UI UUID URI URL UTF8 VM XML XSRF XSS") {
		pairs = append(pairs, word, word[:1]+strings.ToLower(word[1:]))
	}
	return strings.NewReplacer(slices.Clip(pairs)...)
}()

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
