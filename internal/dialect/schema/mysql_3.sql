ALTER TABLE filecleangen_outbox
    DROP COLUMN id,
    DROP PRIMARY KEY,
    DROP INDEX storage,
    DROP INDEX filecleangen_outbox_due,
    MODIFY COLUMN model varbinary(1000) NOT NULL DEFAULT '',
    MODIFY COLUMN field varbinary(1000) NOT NULL DEFAULT '',
    ADD PRIMARY KEY (storage, name),
    ADD COLUMN unfinished integer NOT NULL DEFAULT 0 AFTER attempts,
    ADD COLUMN gone_at bigint NULL,
    ADD INDEX filecleangen_outbox_due (storage, unfinished, not_before),
    ADD INDEX filecleangen_outbox_gone (gone_at);

UPDATE filecleangen_outbox SET
    unfinished = state = 'deleting' AND claim <> '',
    claim = IF(state = 'upload', record, claim),
    not_before = IF(state = 'parked', NEVER, not_before);

UPDATE filecleangen_outbox_version SET version = 3;
