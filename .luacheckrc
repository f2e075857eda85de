-- What a script may use: what Redis 7, Valkey and fakeredis all give it, less what would make two runs differ.
-- Only the composed scripts are checked (`make lint`): a library file alone lacks what stands before it.
stds.redis = {
    globals = {},
    read_globals = {
        "KEYS", "ARGV",
        redis = { fields = { "call", "pcall", "error_reply", "status_reply" } },
        cjson = { fields = { "encode", "decode", "null", "encode_array" } },
        math = { fields = { "abs", "ceil", "floor", "fmod", "huge", "max", "min", "modf", "pow" } },
        string = {
            fields = {
                "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper",
            },
        },
        table = { fields = { "concat", "insert", "remove", "sort" } },
        "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
        "setmetatable", "getmetatable", "tonumber", "tostring", "type", "unpack",
    },
}
std = "redis"
-- The composer writes long lines out of short ones.
max_line_length = false
-- It puts functions into functions: an argument may be called as one of the outer function's. That none is called as what
-- stands outside of all functions, it sees to itself.
ignore = { "432" }
