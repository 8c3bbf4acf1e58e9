/**
 * Python without single quotes, behind `patroniPython`: `conninfo(login, way)` gives the words with which libpq comes in as
 * one of Patroni's logins, and the environment with its password, which goes nowhere else.
 */
export const CONNINFO = `
def conninfo(login, way):
    login = dict(login or {})
    password = login.pop("password", None)
    way = dict({"connect_timeout": "10", "keepalives_idle": "30", "tcp_user_timeout": "60000"}, **way)
    for key, value in login.items():
        way["user" if key == "username" else key] = value
    def word(value):
        text = str(value).replace("\\\\", "\\\\\\\\").replace(chr(39), "\\\\" + chr(39))
        return chr(39) + text + chr(39)
    environment = dict(os.environ, LC_ALL="C")
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return " ".join("%s=%s" % (key, word(value)) for key, value in way.items() if value is not None), environment
`;
