-- Changes are looked for: a notification takes a lock that all databases of the server share.
DROP TRIGGER instances_announced ON instances;
DROP FUNCTION announce_instance();
