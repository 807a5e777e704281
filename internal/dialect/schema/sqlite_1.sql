CREATE TABLE filecleangen_outbox (
    id           integer PRIMARY KEY,
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
    last_error   text    NOT NULL DEFAULT '',
    claim        text    NOT NULL DEFAULT '',
    UNIQUE (storage, name)
);

CREATE INDEX filecleangen_outbox_due ON filecleangen_outbox (storage, not_before, id);

CREATE TABLE filecleangen_outbox_version (version integer NOT NULL);

INSERT INTO filecleangen_outbox_version (version) VALUES (1);
