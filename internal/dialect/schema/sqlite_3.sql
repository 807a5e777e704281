CREATE TABLE filecleangen_outbox_2 AS SELECT * FROM filecleangen_outbox;

DROP TABLE filecleangen_outbox;

CREATE TABLE filecleangen_outbox (
    storage      text    NOT NULL,
    name         text    NOT NULL,
    state        text    NOT NULL DEFAULT 'pending',
    reason       text    NOT NULL DEFAULT '',
    model        text    NOT NULL DEFAULT '',
    field        text    NOT NULL DEFAULT '',
    record       text    NOT NULL DEFAULT '',
    derived_from text    NOT NULL DEFAULT '',
    created_at   integer NOT NULL DEFAULT (NOW),
    not_before   integer NOT NULL DEFAULT (NOW),
    attempts     integer NOT NULL DEFAULT 0,
    unfinished   integer NOT NULL DEFAULT 0,
    last_error   text    NOT NULL DEFAULT '',
    claim        text    NOT NULL DEFAULT '',
    gone_at      integer,
    revision     integer NOT NULL DEFAULT (random()),
    PRIMARY KEY (storage, name)
) WITHOUT ROWID;

INSERT INTO filecleangen_outbox (storage, name, state, reason, model, field, record, derived_from, created_at, not_before, attempts, unfinished, last_error, claim)
SELECT storage, name, state, reason, model, field, record, derived_from, created_at, CASE state WHEN 'parked' THEN NEVER ELSE not_before END,
    attempts, state = 'deleting' AND claim <> '', last_error, CASE state WHEN 'upload' THEN record ELSE claim END
FROM filecleangen_outbox_2;

DROP TABLE filecleangen_outbox_2;

CREATE INDEX filecleangen_outbox_due ON filecleangen_outbox (storage, unfinished, not_before) WHERE state <> 'gone' AND state <> 'parked';

CREATE INDEX filecleangen_outbox_gone ON filecleangen_outbox (gone_at) WHERE gone_at IS NOT NULL;

UPDATE filecleangen_outbox_version SET version = 3;
