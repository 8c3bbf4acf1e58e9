import { PROOF_DATABASE, REJECTED, WITHOUT_RULE } from './hba.ts';

/**
 * Python, without single quotes: `let_in(driver, way, database)` and `replicates(driver, way)` say why a login is refused,
 * in libpq's words, or None. The first one opens no session in which anybody could write: it asks for a database that is
 * not there, which PostgreSQL tells only whom it has let in.
 */
export const LET_IN = `
def refusal(driver, way, database):
    try:
        driver.connect(**dict(way, dbname=database)).close()
        return None
    except driver.Error as error:
        return str(error).strip()
def let_in(driver, way, database):
    proof = "${PROOF_DATABASE}"
    told = refusal(driver, way, proof)
    if told is None:
        return None
    if proof not in told:
        return told
    for other in ("${WITHOUT_RULE}", "${REJECTED}"):
        kept_out = refusal(driver, way, other)
        if kept_out is None or other not in kept_out:
            return "it cannot be told whether it is let in: %s" % kept_out
        if kept_out.replace(other, proof) == told:
            return told.replace(proof, database)
    return None
def replicates(driver, way):
    try:
        connection = driver.connect(**dict(way, replication=1))
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("IDENTIFY_SYSTEM")
        cursor.fetchone()
        connection.close()
        return None
    except driver.Error as error:
        return str(error).strip()
`;
