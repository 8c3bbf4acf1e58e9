import { PROOF_DATABASE } from './hba.ts';

/**
 * Python, without single quotes: `let_in(driver, way, database, missing)` and `replicates(driver, way)` say why a login is
 * refused, in libpq's words, or None. With `missing` the first one opens no session in which anybody could write: it asks
 * for a database that is not there, which PostgreSQL tells only whom it has let in. `missing` is how this server says so,
 * in its own language; libpq may have tried more than once, with a line for each. What is not ASCII is not compared: it is not told
 * in which encoding it comes.
 */
export const LET_IN = `
import re
def plain(text):
    return re.sub("[^ -~]+", "?", text)
def session(driver, way, question):
    try:
        connection = driver.connect(**way)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(question)
        cursor.fetchone()
        connection.close()
        return None
    except driver.Error as error:
        return str(error).strip()
def let_in(driver, way, database, missing):
    if not missing:
        return session(driver, dict(way, dbname=database), "select 1")
    told = session(driver, dict(way, dbname="${PROOF_DATABASE}"), "select 1")
    if told is None or any(plain(missing) in plain(line) for line in told.splitlines()):
        return None
    return told.replace("${PROOF_DATABASE}", database)
def replicates(driver, way):
    return session(driver, dict(way, replication=1), "IDENTIFY_SYSTEM")
`;

/** What a server says of the database that is not there, of what psql has printed; nothing where it did not say it. */
export function wordsForMissing(stderr: string): string | undefined {
  const line = stderr.split('\n').find((one) => one.includes(PROOF_DATABASE));
  // Behind libpq's own words and the severity, which end with a colon each; FATAL:  3D000: where it is verbose.
  const words = line?.slice(line.lastIndexOf(':') + 1).trim();
  return words?.includes(PROOF_DATABASE) === true ? words : undefined;
}
