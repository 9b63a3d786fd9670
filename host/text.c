#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* newlocale("C") hands out glibc's own constant: nothing is allocated and nothing fails. */
locale_t text_enter_locale(void) {
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

static const char *skip_digits(const char *text) {
    while (*text >= '0' && *text <= '9') text++;
    return text;
}

/* strtod accepts more than a sweep file should: hexadecimal, "infinity", leading blanks. */
static int is_decimal(const char *text) {
    if (*text == '+' || *text == '-') text++;
    const char *whole = text, *fraction;
    text = fraction = skip_digits(text);
    size_t n_digits = (size_t)(text - whole);
    if (*text == '.') {
        text = skip_digits(++fraction);
        n_digits += (size_t)(text - fraction);
    }
    if (n_digits == 0) return 0;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-') text++;
        const char *exponent = text;
        text = skip_digits(text);
        if (text == exponent) return 0;
    }
    return *text == '\0';
}

int text_to_double(const char *text, double *value) {
    if (!is_decimal(text)) return 0;
    locale_t previous = text_enter_locale();
    *value = strtod(text, NULL);
    uselocale(previous);
    return isfinite(*value);
}

void text_from_double(char text[TEXT_NUMBER_SIZE], double value) {
    locale_t previous = text_enter_locale();
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, TEXT_NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    uselocale(previous);
}

void text_from_float(char text[TEXT_NUMBER_SIZE], float value) {
    locale_t previous = text_enter_locale();
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, TEXT_NUMBER_SIZE, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    uselocale(previous);
}

double text_round_double(double value) {
    char text[TEXT_NUMBER_SIZE];
    locale_t previous = text_enter_locale();
    snprintf(text, sizeof text, "%.15g", value);
    value = strtod(text, NULL);
    uselocale(previous);
    return value;
}

double text_round_float(float value) {
    char text[TEXT_NUMBER_SIZE];
    double rounded;
    text_from_float(text, value);
    return text_to_double(text, &rounded) ? rounded : (double)value;
}

int text_character_length(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    const int length = *c < 0x80                 ? 1
                       : *c >= 0xc2 && *c < 0xe0 ? 2
                       : (*c & 0xf0) == 0xe0     ? 3
                       : *c >= 0xf0 && *c < 0xf5 ? 4
                                                 : 0;
    for (int i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    const int overlong = (*c == 0xe0 && c[1] < 0xa0) || (*c == 0xf0 && c[1] < 0x90),
              outside = (*c == 0xed && c[1] >= 0xa0) || (*c == 0xf4 && c[1] >= 0x90);
    return overlong || outside ? 0 : length;
}

void text_write_json(FILE *file, const char *text) {
    putc('"', file);
    for (const char *c = text; *c;) {
        const int length = text_character_length(c);
        if (length == 0)
            fputs("\\ufffd", file); /* JSON is UTF-8, whatever a table is */
        else if (*c == '"' || *c == '\\')
            fprintf(file, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            fprintf(file, "\\u%04x", (unsigned)*c);
        else
            fwrite(c, 1, (size_t)length, file);
        c += length ? length : 1;
    }
    putc('"', file);
}

/* Letters inserted, deleted, replaced, or swapped with the next one (Damerau 1964, each letter taking part once). */
static size_t edit_distance(const char *a, const char *b, size_t n_b) {
    enum { LONGEST = 63 };
    if (n_b > LONGEST) return SIZE_MAX;
    size_t rows[3][LONGEST + 1] = {{0}}, *before = rows[0], *above = rows[1], *row = rows[2], i = 0;
    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (; a[i]; i++) {
        size_t *oldest = before;
        before = above, above = row, row = oldest;
        row[0] = i + 1;
        for (size_t j = 0; j < n_b; j++) {
            size_t least = (row[j] < above[j + 1] ? row[j] : above[j + 1]) + 1;
            size_t replaced = above[j] + (tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]));
            row[j + 1] = replaced < least ? replaced : least;
            if (i && j && a[i] == b[j - 1] && a[i - 1] == b[j] && before[j - 1] + 1 < row[j + 1])
                row[j + 1] = before[j - 1] + 1;
        }
    }
    return row[n_b];
}

void text_nearest_offer(struct text_nearest *nearest, const char *candidate) {
    size_t length = strlen(candidate);
    size_t distance = edit_distance(nearest->word, candidate, length);
    if (distance > 1 && distance > length / 3) return;
    if (distance >= length) return; /* nothing in common */
    if (nearest->best && distance >= nearest->distance) return;
    nearest->best = candidate;
    nearest->distance = distance;
}
