CREATE TABLE IF NOT EXISTS filecleangen_outbox_column (
    program   text    NOT NULL,
    storage   text    NOT NULL,
    in_table  text    NOT NULL,
    in_column text    NOT NULL,
    form      text    NOT NULL,
    meaning   text    NOT NULL,
    seen_at   integer NOT NULL DEFAULT (NOW),
    PRIMARY KEY (program, storage, in_table, in_column, form, meaning)
);

CREATE TABLE IF NOT EXISTS filecleangen_outbox_id (id text NOT NULL PRIMARY KEY);

INSERT INTO filecleangen_outbox_id (id) SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM filecleangen_outbox_id);

UPDATE filecleangen_outbox_version SET version = 2;
