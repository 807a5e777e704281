package dialect

// helpers are the functions that those of all tables call.
func (b *postgresTriggers) helpers() []TriggerObject {
	return []TriggerObject{b.nameFunction(), b.prefixFunction(), b.stringsFunction(), b.textFunction()}
}

// nameFunction is for what a value means that is no clean name, as storage.OtherSpelling
// has it.
func (b *postgresTriggers) nameFunction() TriggerObject {
	return b.makes("name", "(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    part text;
    done text[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(replace($1, chr(92), '/'), '/') LOOP
        IF part = '..' THEN
            done := done[:cardinality(done) - 1];
        ELSIF part NOT IN ('', '.') THEN
            done := done || part;
        END IF;
    END LOOP;
    RETURN array_to_string(done, '/');
END
`)
}

// prefixFunction is for what stands behind a prefix, as references.Prefix has it.
func (b *postgresTriggers) prefixFunction() TriggerObject {
	return b.makes("prefix", "(text,text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    rest text := regexp_replace(substr($1, length($2) + 1), '[?#].*$', '');
    part text;
    bytes bytea := '';
BEGIN
    IF NOT starts_with($1, $2) THEN
        RETURN NULL;
    END IF;
    IF strpos(rest, '%') = 0 OR rest ~ '%(?![0-9A-Fa-f]{2})' THEN
        RETURN rest;
    END IF;
    FOR part IN SELECT m[1] FROM regexp_matches(rest, '%[0-9A-Fa-f]{2}|[^%]+', 'g') AS m LOOP
        bytes := bytes || CASE WHEN starts_with(part, '%') THEN decode(substr(part, 2), 'hex') ELSE convert_to(part, 'UTF8') END;
    END LOOP;
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN NULL; -- the name of no file
END
`)
}

// stringsFunction finds the strings in a document, and in strings that are documents: those
// below some keys, as KeysOf has them, or all where there are none. Of a document that can't
// be parsed it returns what stands between quotes, as unsure.
func (b *postgresTriggers) stringsFunction() TriggerObject {
	return b.makes("strings", "(text,text[]) RETURNS TABLE (v text, unsure boolean) LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    doc jsonb;
    named jsonb := '[]'; -- what is below a key
    inner_doc jsonb;
    inner_named jsonb;
    is_named boolean;
BEGIN
    unsure := false;
    IF $1 = '' THEN
        RETURN;
    END IF;
    BEGIN
        doc := $1::jsonb;
    EXCEPTION WHEN OTHERS THEN
        unsure := true;
    END;
    IF unsure THEN
        RAISE WARNING 'filecleangen: a document can''t be parsed: what it names is kept until it can';
        FOR v IN SELECT replace(replace(m[1], E'\\/', '/'), E'\\"', '"') FROM regexp_matches($1, E'"((?:[^"\\\\]|\\\\.)*)"', 'g') AS m LOOP
            RETURN NEXT;
        END LOOP;
        RETURN;
    END IF;
    IF cardinality($2) = 0 THEN
        named := doc;
        doc := '[]';
    END IF;
    LOOP
        inner_doc := '[]';
        inner_named := '[]';
        FOR v, is_named IN
            SELECT s #>> '{}', true FROM jsonb_path_query(named, 'strict $.** ? (@.type() == "string")') AS s
            UNION ALL SELECT s #>> '{}', true FROM jsonb_path_query(doc, 'strict $.** ? (@.type() == "object").keyvalue()') AS m, jsonb_path_query(m -> 'value', 'strict $.** ? (@.type() == "string")') AS s
                WHERE replace(replace(lower((m ->> 'key') COLLATE "C"), '_', ''), '-', '') = ANY ($2) OR (m ->> 'key') COLLATE "C" ~ '[^ -~]'
            UNION ALL SELECT s #>> '{}', false FROM jsonb_path_query(doc, 'strict $.** ? (@.type() == "string" && @ like_regex "^[[{]")') AS s
        LOOP
            IF is_named THEN
                RETURN NEXT;
            END IF;
            IF v ~ '^[[{]' THEN
                BEGIN
                    IF is_named THEN
                        inner_named := inner_named || jsonb_build_array(v::jsonb);
                    ELSE
                        inner_doc := inner_doc || jsonb_build_array(v::jsonb);
                    END IF;
                EXCEPTION WHEN OTHERS THEN
                    NULL; -- it is a text
                END;
            END IF;
        END LOOP;
        EXIT WHEN inner_doc = '[]' AND inner_named = '[]';
        doc := inner_doc;
        named := inner_named;
    END LOOP;
END
`)
}

// textFunction is for names that are stored as bytes.
func (b *postgresTriggers) textFunction() TriggerObject {
	return b.makes("text", "(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `BEGIN
    RETURN convert_from(decode($1, 'hex'), 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN NULL; -- the name of no file
END
`)
}

// helper is the name of one of the helpers.
func (b *postgresTriggers) helper(event string) string {
	for _, o := range b.helpers() {
		if o.Event == event {
			return b.qualified(o.Name)
		}
	}
	return ""
}
