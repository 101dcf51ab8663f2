BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE entries (
	sequence INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (sequence), 
	UNIQUE ("key")
);
INSERT INTO "entries" VALUES(1,'ce8b121d-60d7-4d5e-bf56-c623dcf074f0','7c2bc7697ba85721de6d43341debadecdeaea42d5112a846c3a9e73ac8c072db','{"actor":"investigator-1","event":{"kind":"screened","on":"2026-03-02","overall":"eligible so far","participant":"W-001","phase":"Ib","result":{}},"key":"ce8b121d-60d7-4d5e-bf56-c623dcf074f0","previous":"0000000000000000000000000000000000000000000000000000000000000000","protocol":"0000000000000000000000000000000000000000000000000000000000000000","reason":"","sequence":1,"site":"Wuhan Union Hospital","software":"0.1.0","time":"2026-11-20T12:00:00.000000Z"}');
INSERT INTO "entries" VALUES(2,'60821849-fe3f-419d-9a3a-355fab55f85d','9863d50425357f33df2f62ae6ccd82dcb89ef1e8ccd281e842b3423bdd6ef6ed','{"actor":"investigator-1","event":{"kind":"consented","on":"2026-03-02","participant":"W-001"},"key":"60821849-fe3f-419d-9a3a-355fab55f85d","previous":"7c2bc7697ba85721de6d43341debadecdeaea42d5112a846c3a9e73ac8c072db","protocol":"0000000000000000000000000000000000000000000000000000000000000000","reason":"","sequence":2,"site":"Wuhan Union Hospital","software":"0.1.0","time":"2026-11-20T12:00:00.000000Z"}');
INSERT INTO "entries" VALUES(3,'7994dd6c-ad9d-40d7-a31b-c593028eabe8','9cbba31afbac7ac9be0562e7348c302fffa6fbb3dbe80b4c54272cf8a900bc0b','{"actor":"investigator-1","event":{"kind":"enrolled","on":"2026-03-02","participant":"W-001","regimen":"A1"},"key":"7994dd6c-ad9d-40d7-a31b-c593028eabe8","previous":"9863d50425357f33df2f62ae6ccd82dcb89ef1e8ccd281e842b3423bdd6ef6ed","protocol":"0000000000000000000000000000000000000000000000000000000000000000","reason":"","sequence":3,"site":"Wuhan Union Hospital","software":"0.1.0","time":"2026-11-20T12:00:00.000000Z"}');
INSERT INTO "entries" VALUES(4,'a418013e-cb0f-4fc1-8bc8-51ef540d442b','d06989838bd9ce679fa7ccdfd4ec636b599ad32c5c4df581f58d946f5a8f99e5','{"actor":"investigator-1","event":{"kind":"therapy_started","on":"2026-03-02","participant":"W-001"},"key":"a418013e-cb0f-4fc1-8bc8-51ef540d442b","previous":"9cbba31afbac7ac9be0562e7348c302fffa6fbb3dbe80b4c54272cf8a900bc0b","protocol":"0000000000000000000000000000000000000000000000000000000000000000","reason":"","sequence":4,"site":"Wuhan Union Hospital","software":"0.1.0","time":"2026-11-20T12:00:00.000000Z"}');
INSERT INTO "entries" VALUES(5,'a19a1dee-f2f6-495c-b545-72cfc025ce8b','456cca7d5c2aa822268ae576240634aba436ee5b56b9132a3d58fcf1b8cef039','{"actor":"investigator-1","event":{"kind":"infused","number":1,"on":"2026-03-09","participant":"W-001"},"key":"a19a1dee-f2f6-495c-b545-72cfc025ce8b","previous":"d06989838bd9ce679fa7ccdfd4ec636b599ad32c5c4df581f58d946f5a8f99e5","protocol":"0000000000000000000000000000000000000000000000000000000000000000","reason":"","sequence":5,"site":"Wuhan Union Hospital","software":"0.1.0","time":"2026-11-20T12:00:00.000000Z"}');
CREATE TRIGGER entries_keep_update BEFORE UPDATE ON entries
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER entries_keep_delete BEFORE DELETE ON entries
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
       WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entries)
         OR EXISTS (SELECT 1 FROM entries WHERE key = NEW.key)
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
COMMIT;
