CREATE TABLE IF NOT EXISTS filecleangen_outbox_column (
    program   text   COLLATE "C" NOT NULL,
    storage   text   COLLATE "C" NOT NULL,
    in_table  text   COLLATE "C" NOT NULL,
    in_column text   COLLATE "C" NOT NULL,
    form      text   COLLATE "C" NOT NULL,
    meaning   text   COLLATE "C" NOT NULL,
    seen_at   bigint NOT NULL DEFAULT (NOW),
    PRIMARY KEY (program, storage, in_table, in_column, form, meaning)
);

CREATE TABLE IF NOT EXISTS filecleangen_outbox_id (id text NOT NULL PRIMARY KEY);

INSERT INTO filecleangen_outbox_id (id) SELECT gen_random_uuid() WHERE NOT EXISTS (SELECT 1 FROM filecleangen_outbox_id);

UPDATE filecleangen_outbox_version SET version = 2;
