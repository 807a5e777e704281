ALTER TABLE filecleangen_outbox
    DROP CONSTRAINT filecleangen_outbox_storage_name_key,
    DROP COLUMN id,
    ADD PRIMARY KEY (storage, name),
    ADD COLUMN unfinished integer NOT NULL DEFAULT 0,
    ADD COLUMN gone_at bigint;

UPDATE filecleangen_outbox SET
    unfinished = CASE WHEN state = 'deleting' AND claim <> '' THEN 1 ELSE 0 END,
    claim = CASE state WHEN 'upload' THEN record ELSE claim END,
    not_before = CASE state WHEN 'parked' THEN NEVER ELSE not_before END;

CREATE INDEX filecleangen_outbox_due ON filecleangen_outbox (storage, unfinished, not_before)
    WHERE state <> 'gone' AND state <> 'parked' AND state <> 'held';

CREATE INDEX filecleangen_outbox_gone ON filecleangen_outbox (gone_at) WHERE gone_at IS NOT NULL;

CREATE FUNCTION filecleangen_outbox_write(program integer, wait bigint, storages text[], names text[], kinds text[],
    reasons text[], models text[], fields text[], records text[], origins text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    at bigint := NOW;
    added tid;
    takes bigint;
    taken bigint;
    held tid[];
    refused record;
BEGIN
    IF (SELECT version FROM filecleangen_outbox_version) IS DISTINCT FROM program THEN
        RAISE EXCEPTION USING ERRCODE = 'FCVER', MESSAGE = 'filecleangen: the tables of the outbox have another version than the program';
    END IF;
    -- Mostly there are few files, none of which has a row: to begin the statement below takes
    -- longer than to write them. Where there is a row, it writes all of them again, in the
    -- same order.
    IF cardinality(names) <= 4 THEN
        FOR i IN 1..cardinality(names) LOOP
            INSERT INTO filecleangen_outbox (storage, name, state, reason, model, field, record, derived_from, created_at, not_before, claim)
                VALUES (storages[i], names[i], CASE kinds[i] WHEN 't' THEN 'held' ELSE 'pending' END,
                    reasons[i], models[i], fields[i], records[i], origins[i], at, at + wait, kinds[i])
                ON CONFLICT (storage, name) DO NOTHING RETURNING ctid INTO added;
            EXIT WHEN added IS NULL;
            IF kinds[i] = 't' THEN
                DELETE FROM filecleangen_outbox WHERE ctid = added;
            END IF;
        END LOOP;
        IF added IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    -- A row that is there is locked also where it is not changed.
    WITH entry AS MATERIALIZED (
        SELECT s, n, k, r, m, f, c, d FROM unnest(storages, names, kinds, reasons, models, fields, records, origins) AS e (s, n, k, r, m, f, c, d)
    ), written AS (
        INSERT INTO filecleangen_outbox AS o (storage, name, state, reason, model, field, record, derived_from, created_at, not_before, claim)
        SELECT s, n, CASE k WHEN 't' THEN 'held' ELSE 'pending' END, r, m, f, c, d, at, at + wait, k FROM entry
        ON CONFLICT (storage, name) DO UPDATE SET
            state = CASE WHEN o.state = 'gone' THEN 'deleting' WHEN excluded.claim = 'r' THEN o.state ELSE 'pending' END,
            not_before = CASE
                WHEN o.state = 'gone' THEN at
                WHEN o.state = 'pending' AND excluded.claim = 't' THEN o.not_before
                WHEN o.state = 'pending' THEN greatest(o.not_before, excluded.not_before)
                WHEN excluded.claim = 'r' THEN o.not_before
                ELSE excluded.not_before END,
            reason = CASE excluded.claim WHEN 't' THEN o.reason ELSE excluded.reason END,
            model = CASE excluded.claim WHEN 't' THEN o.model ELSE excluded.model END,
            field = CASE excluded.claim WHEN 't' THEN o.field ELSE excluded.field END,
            record = CASE excluded.claim WHEN 't' THEN o.record ELSE excluded.record END,
            attempts = CASE o.state WHEN 'gone' THEN 1 ELSE o.attempts END,
            unfinished = CASE o.state WHEN 'deleting' THEN 0 ELSE o.unfinished END,
            claim = CASE WHEN o.state IN ('deleting', 'gone') THEN '' WHEN excluded.claim = 'r' AND o.state <> 'pending' THEN o.claim ELSE excluded.claim END,
            gone_at = NULL
        WHERE o.state IN ('pending', 'upload') OR excluded.claim = 'r' AND o.state IN ('writing', 'gone', 'deleting')
        RETURNING o.ctid AS place, o.state, o.claim
    )
    SELECT (SELECT count(*) FROM entry WHERE k <> 'r'), count(*) FILTER (WHERE claim IN ('t', 'b')), array_agg(place) FILTER (WHERE state = 'held')
        INTO takes, taken, held FROM written;
    IF takes <> taken THEN
        SELECT e.s, e.n INTO refused FROM unnest(storages, names, kinds) AS e (s, n, k)
            JOIN filecleangen_outbox o ON o.storage = e.s AND o.name = e.n WHERE e.k <> 'r' AND o.state NOT IN ('pending', 'held') LIMIT 1;
        RAISE EXCEPTION USING ERRCODE = 'FCGON', MESSAGE = format('filecleangen: gone: file %s in storage %s', refused.n, refused.s);
    END IF;
    IF held IS NOT NULL THEN
        DELETE FROM filecleangen_outbox WHERE ctid = ANY (held);
    END IF;
END $$;

DO $$
DECLARE
    home text := (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'filecleangen_outbox'::regclass);
BEGIN
    IF home <> current_schema() THEN
        EXECUTE format('ALTER FUNCTION filecleangen_outbox_write SET SCHEMA %I', home);
    END IF;
    EXECUTE format('ALTER FUNCTION %I.filecleangen_outbox_write SET search_path = pg_catalog, %I, pg_temp', home, home);
END $$;

UPDATE filecleangen_outbox_version SET version = 3;
