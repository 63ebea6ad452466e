// A disk that is full. SQLite itself says so, with its own error and all that follows from it: a table whose last row id is
// given out has room for no other row (sqlite.org/autoinc.html), and a trigger makes a write ask it for one. Reads go on.

import { SqliteFile } from "../../edge/buffer/sqlite.ts";

/** From now on no row gets into a table of an SQLite file any more, nor is one changed. */
export function fillDisk(file: string, table: string): Promise<void> {
  return execute(
    file,
    `CREATE TABLE full_disk (id INTEGER PRIMARY KEY AUTOINCREMENT);
     INSERT INTO full_disk VALUES (9223372036854775807);
     ${["INSERT", "UPDATE"]
       .map(
         (write) => `CREATE TRIGGER full_disk_${write} BEFORE ${write} ON ${table}
           BEGIN INSERT INTO full_disk (id) VALUES (NULL); END;`,
       )
       .join("\n")}`,
  );
}

/** There is room again. */
export function freeDisk(file: string): Promise<void> {
  return execute(
    file,
    "DROP TRIGGER full_disk_INSERT; DROP TRIGGER full_disk_UPDATE; DROP TABLE full_disk;",
  );
}

/** Changes the schema of an SQLite file that may be open elsewhere. */
export async function execute(file: string, script: string): Promise<void> {
  const sqlite = await SqliteFile.open({ file, mode: "write", synchronous: "OFF" });
  try {
    await sqlite.write((sql) => sql.exec(script));
  } finally {
    await sqlite.close();
  }
}
