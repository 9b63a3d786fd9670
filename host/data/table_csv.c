/* CSV as people have it, read through libcsv into a table. */
#include "file_bytes.h"
#include "table.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

/* One file while it is parsed. libcsv calls back with each field and at each line end. */
struct reading {
    struct allometer_table *table;
    struct allometer_error *error;
    enum allometer_code code; /* of the first failure; what follows it is ignored */
    size_t line;              /* line being read, from 1 */
    size_t row_line;          /* line on which the current row began */
    size_t n_fields;          /* fields of the current row so far */
    size_t n_columns;         /* of the header; 0 until it ends */
    int after_return;         /* the last line ended with a carriage return: a line feed belongs to it */
};

static size_t count_newlines(const char *text, size_t length) {
    size_t n = 0;
    for (size_t i = 0; i < length; ++i) n += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return n;
}

static void on_field(void *bytes, size_t length, void *user) {
    struct reading *reading = user;
    if (reading->code != ALLOMETER_OK) return;
    const char *text = bytes;
    reading->after_return = 0;
    if (reading->n_fields++ == 0) {
        reading->row_line = reading->line;
        if (reading->n_columns) {
            reading->code = allometer_table_add_row(reading->table, reading->line, reading->error);
        }
    }
    if (reading->code == ALLOMETER_OK && !reading->n_columns) {
        reading->code = allometer_table_add_column(reading->table, text, reading->error);
    } else if (reading->code == ALLOMETER_OK && reading->n_fields <= reading->n_columns) {
        reading->code =
            allometer_table_put_text(reading->table, reading->n_fields - 1, text, length, reading->error);
    }
    reading->line += count_newlines(text, length);
}

static void on_line_end(int character, void *user) {
    struct reading *reading = user;
    if (reading->code != ALLOMETER_OK) return;
    if (reading->n_fields && !reading->n_columns) reading->n_columns = reading->n_fields;
    if (reading->n_fields && reading->n_fields != reading->n_columns) {
        reading->code = allometer_fail(
            reading->error, ALLOMETER_BAD_INPUT, "%s:%zu: %zu fields, expected %zu as in the header",
            reading->table->source, reading->row_line, reading->n_fields, reading->n_columns);
    }
    if (!(character == '\n' && reading->after_return)) ++reading->line;
    reading->after_return = character == '\r';
    reading->n_fields = 0;
}

/* The place of byte `at` as line and column, both from 1. */
static void locate(const char *bytes, size_t at, size_t *line, size_t *column) {
    *line = 1, *column = 1;
    for (size_t i = 0; i < at; ++i) {
        int ends = bytes[i] == '\n' || (bytes[i] == '\r' && bytes[i + 1] != '\n');
        *line += (size_t)ends, *column = ends ? 1 : *column + 1;
    }
}

static enum allometer_code fail_at(const char *bytes, size_t at, const char *source, const char *why,
                                   struct allometer_error *error) {
    size_t line, column;
    locate(bytes, at, &line, &column);
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:%zu:%zu: %s", source, line, column, why);
}

/* From the header, whose names may hold any of them in quotes. */
static unsigned char find_delimiter(const char *bytes, size_t length) {
    int quoted = 0, tabs = 0, semicolons = 0;
    for (size_t i = 0; i < length && (quoted || (bytes[i] != '\n' && bytes[i] != '\r')); ++i) {
        if (bytes[i] == '"') quoted = !quoted;
        if (quoted) continue;
        if (bytes[i] == ',') return ',';
        tabs += bytes[i] == '\t', semicolons += bytes[i] == ';';
    }
    return tabs ? '\t' : semicolons ? ';' : ',';
}

static int space_but_no_tab(unsigned char c) {
    return c == ' ';
}

/* Where a quoted field that never ends begins: the last quote that opens one. */
static size_t last_open_quote(const char *bytes, size_t length) {
    size_t at = 0;
    int quoted = 0;
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] == '"' && (quoted = !quoted)) at = i;
    }
    return at;
}

static enum allometer_code parse(struct reading *reading, const char *bytes, size_t length,
                                 const char *source) {
    struct csv_parser parser;
    struct allometer_error *error = reading->error;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL) != 0) {
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", source);
    }
    unsigned char delimiter = find_delimiter(bytes, length);
    csv_set_delim(&parser, delimiter);
    if (delimiter == '\t') csv_set_space_func(&parser, space_but_no_tab);
    csv_set_blk_size(&parser, 4096);
    size_t parsed = csv_parse(&parser, bytes, length, on_field, on_line_end, reading);
    int status = parsed == length ? CSV_SUCCESS : csv_error(&parser);
    int at_end = status == CSV_SUCCESS && csv_fini(&parser, on_field, on_line_end, reading) != 0;
    if (at_end) status = csv_error(&parser);
    csv_free(&parser);
    if (reading->code != ALLOMETER_OK) return reading->code;
    if (status == CSV_EPARSE && at_end) {
        return fail_at(bytes, last_open_quote(bytes, length), source, "this quoted field never ends", error);
    }
    if (status == CSV_EPARSE) {
        return fail_at(
            bytes, parsed, source,
            "a quote inside a field; expected the whole field in quotes and each quote in it doubled", error);
    }
    if (status != CSV_SUCCESS)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: %s", source, csv_strerror(status));
    return ALLOMETER_OK;
}

enum allometer_code allometer_table_parse_csv(const char *bytes, size_t length, const char *source,
                                              struct allometer_table **table, struct allometer_error *error) {
    *table = NULL;
    if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: the file is UTF-16; expected UTF-8", source);
    }
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) bytes += 3, length -= 3;
    const char *zero = length ? memchr(bytes, 0, length) : NULL;
    if (zero)
        return fail_at(bytes, (size_t)(zero - bytes), source, "a zero byte; expected a text file", error);

    struct reading reading = {.table = allometer_table_new(source), .error = error, .line = 1};
    if (!reading.table) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", source);
    enum allometer_code code = length ? parse(&reading, bytes, length, source) : ALLOMETER_OK;
    if (code == ALLOMETER_OK && reading.table->n_columns == 0) {
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: the file is empty; expected a header line",
                              source);
    }
    if (code != ALLOMETER_OK) {
        allometer_table_free(reading.table);
        return code;
    }
    *table = reading.table;
    return ALLOMETER_OK;
}

enum allometer_code allometer_table_read_csv(const char *path, struct allometer_table **table,
                                             struct allometer_error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *table = NULL;
    enum allometer_code code = file_bytes_read(path, &bytes, &length, error);
    if (code != ALLOMETER_OK) return code;
    code = allometer_table_parse_csv(bytes, length, path, table, error);
    free(bytes);
    return code;
}

static int is_blank(char c) {
    return c == ' ' || c == '\t';
}

int allometer_csv_write_field(const char *text, FILE *file) {
    if (!*text || (!strpbrk(text, ",\"\r\n") && !is_blank(*text) && !is_blank(text[strlen(text) - 1]))) {
        return fputs(text, file) < 0 ? -1 : 0;
    }
    return csv_fwrite(file, text, strlen(text)) == 0 ? 0 : -1;
}
