CREATE TABLE IF NOT EXISTS filecleangen_outbox_column (
    program   varbinary(512)  NOT NULL,
    storage   varbinary(255)  NOT NULL,
    in_table  varbinary(512)  NOT NULL,
    in_column varbinary(255)  NOT NULL,
    form      varbinary(16)   NOT NULL,
    meaning   varbinary(1024) NOT NULL,
    seen_at   bigint          NOT NULL DEFAULT (NOW),
    PRIMARY KEY (program, storage, in_table, in_column, form, meaning)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS filecleangen_outbox_id (id varchar(64) NOT NULL PRIMARY KEY);

INSERT INTO filecleangen_outbox_id (id) SELECT uuid() FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM filecleangen_outbox_id);

UPDATE filecleangen_outbox_version SET version = 2;
