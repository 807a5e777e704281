package dialect

import (
	"strconv"
	"strings"
)

// triggerHelpers are the procedures and functions that the triggers of all tables call. They have
// no name of a schema in them, and values that they compare are bytes: what character set
// a database has by default, or a session, is nothing to them.
func (d mysql) triggerHelpers(w *TriggerWriter) []TriggerObject {
	m := mysqlHelpers{d: d, w: w}
	m.add("FUNCTION", "name", mysqlName)
	m.add("FUNCTION", "behind", mysqlBehind)
	m.add("FUNCTION", "valid", mysqlValid)
	m.add("FUNCTION", "was", mysqlWas)
	m.add("FUNCTION", "document", mysqlDocument)
	m.add("FUNCTION", "names", mysqlNames)
	m.add("FUNCTION", "strings", mysqlStrings)
	m.add("PROCEDURE", "refuse", mysqlRefuse)
	m.add("PROCEDURE", "take", mysqlTakes)
	m.add("PROCEDURE", "release", mysqlReleases)
	m.add("PROCEDURE", "apply", mysqlApply)
	m.add("PROCEDURE", "changes", mysqlChanges)
	m.add("PROCEDURE", "change", mysqlChange)
	return m.all
}

type mysqlHelpers struct {
	d   mysql
	w   *TriggerWriter
	all []TriggerObject
}

// add adds one that may call those before it, whose names stand in its text as {name}.
func (m *mysqlHelpers) add(kind, event, text string) {
	words := []string{"{version}", strconv.Itoa(m.w.Version), "{now}", m.d.Now(), "{wait}", strconv.FormatInt(m.w.Wait.Milliseconds(), 10), "{most}", strconv.Itoa(MaxName), "{gone}", goneText}
	for _, o := range m.all {
		words = append(words, "{"+o.Event+"}", m.d.Quote(o.Name))
	}
	text = strings.NewReplacer(words...).Replace(text)
	name := m.d.Quote(triggerName(m.w, text, event))
	m.all = append(m.all, TriggerObject{
		Name: triggerName(m.w, text, event), Event: event,
		Create: "CREATE " + kind + " " + mysqlIfNotExists + name + " " + text,
		Drop:   "DROP " + kind + " IF EXISTS " + name,
	})
}

// mysqlName is the name that a value means, as storage.OtherSpelling has it. One that is too
// long to be a name, as a text is, may be returned before its end: up is where a part of it is
// that makes it shorter.
const mysqlName = `(given LONGBLOB) RETURNS LONGBLOB DETERMINISTIC NO SQL
BEGIN
    DECLARE all_parts LONGBLOB DEFAULT CONCAT(REPLACE(given, x'5c', x'2f'), x'2f');
    DECLARE done LONGBLOB DEFAULT x'';
    DECLARE part LONGBLOB;
    DECLARE at, ends, up BIGINT DEFAULT 1;
    WHILE at <= LENGTH(all_parts) DO
        IF LENGTH(done) > {most} + 1 AND up > 0 THEN
            IF up < at THEN
                SET up = LOCATE(x'2f2e2e2f', all_parts, at - 1);
            END IF;
            IF up = 0 THEN
                RETURN SUBSTRING(done, 2);
            END IF;
        END IF;
        SET ends = LOCATE(x'2f', all_parts, at);
        SET part = SUBSTRING(all_parts, at, ends - at), at = ends + 1;
        IF part = x'2e2e' THEN
            IF done <> x'' THEN
                SET done = LEFT(done, LENGTH(done) - LENGTH(SUBSTRING_INDEX(done, x'2f', -1)) - 1);
            END IF;
        ELSEIF part NOT IN (x'', x'2e') THEN
            SET done = CONCAT(done, x'2f', part);
        END IF;
    END WHILE;
    RETURN SUBSTRING(done, 2);
END`

// mysqlBehind is what stands behind a prefix, as references.Prefix has it: without a query
// and a fragment, with escapes undone. A value with a percent sign that begins no escape is
// left as it is.
const mysqlBehind = `(prefix LONGBLOB, given LONGBLOB) RETURNS LONGBLOB DETERMINISTIC NO SQL
BEGIN
    DECLARE rest LONGBLOB DEFAULT SUBSTRING(given, LENGTH(prefix) + 1);
    DECLARE done LONGBLOB DEFAULT x'';
    DECLARE part LONGBLOB;
    IF LEFT(given, LENGTH(prefix)) <> prefix THEN
        RETURN x'';
    END IF;
    SET rest = SUBSTRING_INDEX(SUBSTRING_INDEX(rest, x'3f', 1), x'23', 1);
    IF LOCATE(x'25', rest) = 0 THEN
        RETURN rest;
    END IF;
    SET part = rest;
    WHILE LOCATE(x'25', part) > 0 DO
        SET done = CONCAT(done, SUBSTRING_INDEX(part, x'25', 1));
        SET part = SUBSTRING(part, LOCATE(x'25', part) + 1);
        IF NOT (CONVERT(LEFT(part, 2) USING latin1) REGEXP '^[0-9A-Fa-f][0-9A-Fa-f]$') THEN
            RETURN rest;
        END IF;
        SET done = CONCAT(done, UNHEX(CONVERT(LEFT(part, 2) USING latin1)));
        SET part = SUBSTRING(part, 3);
    END WHILE;
    RETURN CONCAT(done, part);
END`

// mysqlValid is whether bytes are UTF-8. What can't be converted is an error in a session
// that is strict.
const mysqlValid = `(given LONGBLOB) RETURNS BOOLEAN DETERMINISTIC NO SQL
BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION RETURN FALSE;
    RETURN CAST(CONVERT(given USING utf8mb4) AS BINARY) <=> given;
END`

// mysqlWas is what a text was whose UTF-8 was taken for latin1, or NULL.
const mysqlWas = `(given LONGBLOB) RETURNS LONGBLOB DETERMINISTIC NO SQL
BEGIN
    DECLARE other LONGBLOB;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION RETURN NULL;
    SET other = CAST(CONVERT(CONVERT(given USING utf8mb4) USING latin1) AS BINARY);
    IF CAST(CONVERT(CONVERT(other USING latin1) USING utf8mb4) AS BINARY) <=> given THEN
        RETURN other;
    END IF;
    RETURN NULL;
END`

// mysqlDocument is whether bytes are a document.
const mysqlDocument = `(given LONGBLOB) RETURNS BOOLEAN DETERMINISTIC NO SQL
BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION RETURN FALSE;
    RETURN COALESCE(JSON_VALID(CONVERT(given USING utf8mb4)), FALSE);
END`

// mysqlNames is what a text names: entries, each with "," before it, quotes included, so that
// changes has no more to do to a list of many than to put brackets around it. If it may be UTF-8
// that was taken for latin1, it names what it was before, too: see [NotLatin1].
const mysqlNames = `(head VARCHAR(16) CHARACTER SET ascii, prefix LONGBLOB, ignored LONGTEXT CHARACTER SET ascii, twice BOOLEAN, given LONGBLOB)
    RETURNS LONGTEXT CHARACTER SET ascii DETERMINISTIC NO SQL
BEGIN
    DECLARE found LONGTEXT CHARACTER SET ascii DEFAULT '';
    DECLARE v LONGBLOB DEFAULT given;
    DECLARE other LONGBLOB DEFAULT NULL;
    IF v IS NULL OR v = x'' THEN
        RETURN '';
    END IF;
    IF twice AND LENGTH(CONVERT(CONVERT(v USING latin1) USING utf8mb4)) <> LENGTH(v) THEN
        SET other = {was}(v);
    END IF;
    spellings: LOOP
        IF prefix IS NOT NULL THEN
            SET v = {behind}(prefix, v);
        END IF;
        IF LOCATE(x'5c', v) > 0 OR LOCATE(x'2f2f', v) > 0 OR LEFT(v, 1) IN (x'2f', x'2e') OR RIGHT(v, 1) IN (x'2f', x'2e') OR LOCATE(x'2f2e', v) > 0 THEN
            SET v = {name}(v);
        END IF;
        IF v <> x'' AND LENGTH(v) <= {most} AND v <> x'2e66696c65636c65616e67656e' AND LOCATE(x'00', v) = 0
            AND NOT (SUBSTRING(v, 2, 1) = x'3a' AND (LEFT(v, 1) BETWEEN x'41' AND x'5a' OR LEFT(v, 1) BETWEEN x'61' AND x'7a'))
            AND LOCATE(CONCAT(',', HEX(v), ','), ignored) = 0
            AND (LENGTH(CONVERT(CONVERT(v USING latin1) USING utf8mb4)) = LENGTH(v) OR {valid}(v)) THEN
            SET found = CONCAT(found, '","', head, HEX(v));
        END IF;
        IF other IS NULL THEN
            RETURN found;
        END IF;
        SET v = other, other = NULL;
    END LOOP;
END`

// mysqlStrings is what the strings in a document name, but for keys; a string may be a
// document itself. Of one that is not as JSON is, a row that has it has all that stands
// between quotes, and one that had it had nothing. Where there are keys, as KeysOf has them,
// only what is below one of them counts: since is how many brackets are open around that.
//
// Documents may be large: lists grow by some KB at once, since all of a text is copied when
// something is added to it, and no more than a page is looked at where REPLACE copies.
const mysqlStrings = `(head VARCHAR(16) CHARACTER SET ascii, prefix LONGBLOB, ignored LONGTEXT CHARACTER SET ascii, twice BOOLEAN, given LONGBLOB, under LONGTEXT CHARACTER SET ascii)
    RETURNS LONGTEXT CHARACTER SET ascii DETERMINISTIC NO SQL
BEGIN
    DECLARE found, latest LONGTEXT CHARACTER SET ascii DEFAULT '';
    DECLARE doc LONGBLOB DEFAULT given;
    DECLARE inner_docs, latest_docs LONGBLOB DEFAULT x'';
    DECLARE part LONGBLOB;
    DECLARE valid BOOLEAN;
    DECLARE at, ends, back, depth BIGINT DEFAULT 0;
    DECLARE since BIGINT DEFAULT NULL;
    IF doc IS NULL OR LOCATE(x'22', doc) = 0 THEN
        RETURN '';
    END IF;
    IF LEFT(doc, 3) = x'efbbbf' THEN
        SET doc = SUBSTRING(doc, 4);
    END IF;
    SET valid = {document}(doc);
    IF NOT valid AND LEFT(head, 1) <> '1' THEN
        RETURN '';
    END IF;
    documents: LOOP
        SET at = LOCATE(x'22', doc, ends + 1);
        IF at = 0 THEN
            IF latest_docs = x'' AND inner_docs = x'' THEN
                RETURN CONCAT(found, latest);
            END IF;
            SET doc = CONCAT(SUBSTRING(doc, ends + 1), inner_docs, latest_docs), inner_docs = x'', latest_docs = x'', ends = 0;
            IF doc IS NULL THEN
                RETURN NULL; -- it is too long, see change
            END IF;
            ITERATE documents;
        END IF;
        IF under <> '' AND valid THEN
            WHILE ends < at - 1 DO
                SET part = SUBSTRING(doc, ends + 1, LEAST(at - ends - 1, 1024));
                IF since IS NOT NULL THEN
                    -- Brackets that close may end it before the next one opens.
                    SET part = LEFT(part, LENGTH(SUBSTRING_INDEX(SUBSTRING_INDEX(part, x'7b', 1), x'5b', 1)) + 1);
                END IF;
                SET ends = ends + LENGTH(part), depth = depth - LENGTH(part) + LENGTH(REPLACE(REPLACE(part, x'7d', x''), x'5d', x''));
                IF depth < since THEN
                    SET since = NULL;
                END IF;
                SET depth = depth + LENGTH(part) - LENGTH(REPLACE(REPLACE(part, x'7b', x''), x'5b', x''));
            END WHILE;
        END IF;
        SET ends = at;
        closing: LOOP
            SET ends = LOCATE(x'22', doc, ends + 1);
            IF ends = 0 THEN
                SET ends = LENGTH(doc);
                ITERATE documents;
            END IF;
            SET back = ends - 1;
            WHILE SUBSTRING(doc, back, 1) = x'5c' DO
                SET back = back - 1;
            END WHILE;
            IF (ends - back) MOD 2 = 1 THEN
                LEAVE closing;
            END IF;
        END LOOP;
        SET part = SUBSTRING(doc, at + 1, ends - at - 1);
        IF LOCATE(x'5c', part) > 0 AND {document}(CONCAT(x'22', part, x'22')) THEN
            SET part = CAST(JSON_UNQUOTE(CONVERT(CONCAT(x'22', part, x'22') USING utf8mb4)) AS BINARY);
        END IF;
        SET back = ends + 1;
        WHILE SUBSTRING(doc, back, 1) IN (x'20', x'0a', x'0d', x'09') DO
            SET back = back + 1;
        END WHILE;
        IF valid AND SUBSTRING(doc, back, 1) = x'3a' THEN
            IF depth <= since THEN
                SET since = NULL;
            END IF;
            IF since IS NULL AND under <> '' AND (LENGTH(CONVERT(CONVERT(part USING latin1) USING utf8mb4)) <> LENGTH(part)
                OR LOCATE(CONCAT(',', HEX(REPLACE(REPLACE(LOWER(CONVERT(part USING latin1)), x'5f', x''), x'2d', x'')), ','), under) > 0) THEN
                SET since = depth;
            END IF;
        ELSE
            IF NOT valid OR under = '' OR since IS NOT NULL THEN
                SET latest = CONCAT(latest, {names}(head, prefix, ignored, twice, part));
                IF LENGTH(latest) > 16384 THEN
                    SET found = CONCAT(found, latest), latest = '';
                END IF;
            END IF;
            IF LEFT(part, 1) IN (x'5b', x'7b') AND LOCATE(x'22', part) > 0 AND {document}(part) THEN
                -- What is below a key stays so: any key counts that is not ASCII.
                SET latest_docs = IF(since IS NULL, CONCAT(latest_docs, x'20', part), CONCAT(latest_docs, x'207b22c3a4223a', part, x'7d'));
                IF LENGTH(latest_docs) > 16384 THEN
                    SET inner_docs = CONCAT(inner_docs, latest_docs), latest_docs = x'';
                END IF;
            END IF;
        END IF;
    END LOOP;
END`

// mysqlTakes is what Write does for a take. The row is read with a lock, since the transaction may
// have a snapshot that is older; it has that lock already.
var mysqlTakes = `(in_storage VARBINARY(255), named VARBINARY(2048)) MODIFIES SQL DATA
BEGIN
    DECLARE found VARCHAR(16) CHARACTER SET ascii;
    INSERT INTO filecleangen_outbox (storage, name, state, created_at, not_before, claim)
        VALUES (in_storage, named, 'held', {now}, {now} + {wait}, CONCAT('trigger ', CONNECTION_ID(), ' ', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))))` + mysqlOnTake + `;
    DELETE filecleangen_outbox FROM filecleangen_outbox FORCE INDEX (PRIMARY) WHERE storage = in_storage AND name = named AND state = 'held';
    IF ROW_COUNT() <> 1 THEN
        SELECT state INTO found FROM filecleangen_outbox FORCE INDEX (PRIMARY) WHERE storage = in_storage AND name = named FOR UPDATE;
        IF NOT (found <=> 'pending') THEN
            CALL {refuse}(named);
        END IF;
    END IF;
END`

// mysqlReleases is what Write does for a release.
var mysqlReleases = `(in_storage VARBINARY(255), named VARBINARY(2048), why VARCHAR(64) CHARACTER SET ascii, of_model VARBINARY(1000), of_field VARBINARY(1000)) MODIFIES SQL DATA
BEGIN
    INSERT INTO filecleangen_outbox (storage, name, state, reason, model, field, created_at, not_before, claim)
        VALUES (in_storage, named, 'pending', why, of_model, of_field, {now}, {now} + {wait}, x'')` + mysqlOnRelease + `;
END`

// mysqlApply does what an entry asks for.
const mysqlApply = `(entry VARCHAR(4200) CHARACTER SET ascii, labels LONGTEXT CHARACTER SET ascii, why VARCHAR(64) CHARACTER SET ascii) MODIFIES SQL DATA
BEGIN
    DECLARE label LONGTEXT CHARACTER SET ascii DEFAULT SUBSTRING_INDEX(SUBSTRING_INDEX(labels, ',', CAST(SUBSTRING(entry, 2, 4) AS UNSIGNED)), ',', -1);
    CASE LEFT(entry, 1)
    WHEN '1' THEN
        CALL {take}(UNHEX(SUBSTRING_INDEX(label, '.', 1)), UNHEX(SUBSTRING(entry, 10)));
    WHEN '0' THEN
        CALL {release}(UNHEX(SUBSTRING_INDEX(label, '.', 1)), UNHEX(SUBSTRING(entry, 10)), why, UNHEX(SUBSTRING_INDEX(SUBSTRING_INDEX(label, '.', 2), '.', -1)), UNHEX(SUBSTRING_INDEX(label, '.', -1)));
    ELSE BEGIN END;
    END CASE;
END`

// mysqlChanges is what change does with any number of entries. It is a procedure of its own
// since a cursor costs something also where it is not opened. MariaDB makes files for a
// query of texts that may have more than 512 characters, which takes ten times as long as
// the rest: few entries are so long.
var mysqlChanges = `(names LONGTEXT CHARACTER SET ascii, labels LONGTEXT CHARACTER SET ascii, why VARCHAR(64) CHARACTER SET ascii) MODIFIES SQL DATA
BEGIN
    DECLARE list LONGTEXT CHARACTER SET ascii DEFAULT CONCAT('["', SUBSTRING(names, 4), '"]');
    IF list IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'filecleangen: a row names more files than fit into max_allowed_packet; raise that';
    END IF;
    IF (SELECT MAX(LENGTH(j.e)) FROM JSON_TABLE(list, '$[*]' COLUMNS (e VARCHAR(4200) PATH '$')) AS j) <= 500 THEN` + mysqlEach("500") + `
    ELSE` + mysqlEach("4200") + `
    END IF;
END`

// mysqlEach applies the entries of a list, none of which has more than a number of characters.
func mysqlEach(most string) string {
	return `
    BEGIN
        DECLARE entry, other VARCHAR(4200) CHARACTER SET ascii;
        DECLARE done BOOLEAN DEFAULT FALSE;
        DECLARE entries CURSOR FOR SELECT MIN(LEFT(j.e, 5)), SUBSTRING(j.e, 6) FROM JSON_TABLE(list, '$[*]' COLUMNS (e VARCHAR(` + most + `) PATH '$')) AS j
            GROUP BY SUBSTRING(j.e, 6) HAVING MIN(LEFT(j.e, 1)) = '0' AND SUM(LEFT(j.e, 1) = '1') = 0 OR SUM(LEFT(j.e, 1) <> '1') = 0 ORDER BY SUBSTRING(j.e, 6);
        DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
        OPEN entries;
        FETCH entries INTO entry, other;
        WHILE NOT done DO
            CALL {apply}(CONCAT(entry, other), labels, why);
            FETCH entries INTO entry, other;
        END WHILE;
        CLOSE entries;
    END;`
}

// mysqlChange takes the names that a row has and had not, and releases those that it had
// and has not, in the order of storages and names. Mostly there is one entry, or two.
const mysqlChange = `(names LONGTEXT CHARACTER SET ascii, labels LONGTEXT CHARACTER SET ascii, why VARCHAR(64) CHARACTER SET ascii) MODIFIES SQL DATA
BEGIN
    DECLARE entry, other VARCHAR(4200) CHARACTER SET ascii;
    IF NOT ((SELECT version FROM filecleangen_outbox_version) <=> {version}) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'filecleangen: the tables of the outbox have another version than the triggers; install the triggers anew';
    END IF;
    SET entry = SUBSTRING_INDEX(SUBSTRING_INDEX(names, '","', 2), '","', -1), other = SUBSTRING_INDEX(names, '","', -1);
    IF LENGTH(names) = LENGTH(entry) + 3 THEN
        CALL {apply}(entry, labels, why);
    ELSEIF LENGTH(names) = LENGTH(entry) + LENGTH(other) + 6 AND SUBSTRING(entry, 6) < SUBSTRING(other, 6) THEN
        CALL {apply}(entry, labels, why);
        CALL {apply}(other, labels, why);
    ELSEIF LENGTH(names) = LENGTH(entry) + LENGTH(other) + 6 AND SUBSTRING(entry, 6) > SUBSTRING(other, 6) THEN
        CALL {apply}(other, labels, why);
        CALL {apply}(entry, labels, why);
    ELSE
        CALL {changes}(names, labels, why);
    END IF;
END`

// mysqlRefuse raises the error for a name that can't be taken. The server has room for 128
// characters of it.
const mysqlRefuse = `(named VARBINARY(2048)) NO SQL
BEGIN
    DECLARE message VARCHAR(128) CHARACTER SET utf8mb4 DEFAULT LEFT(CONCAT('{gone} the file is being deleted, or was lately, or is not closed; create it under another name: ', CONVERT(named USING utf8mb4)), 128);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = message;
END`
