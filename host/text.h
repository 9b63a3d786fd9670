/* Numbers and words as text, the same in every locale. */
#ifndef ALLOMETER_TEXT_H
#define ALLOMETER_TEXT_H

#include <locale.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_NUMBER_SIZE = 32 }; /* holds any number written by text_from_double */

/* Makes the C locale the calling thread's, whose printf writes a decimal point; give what it returns to uselocale. */
locale_t text_enter_locale(void);

/* 1 and the value if the whole text is one decimal number (no hexadecimal, no "nan", no "inf") that a double
   holds; else 0. */
int text_to_double(const char *text, double *value);

/* The shortest decimal text that reads back as the same value. */
void text_from_double(char text[TEXT_NUMBER_SIZE], double value);
void text_from_float(char text[TEXT_NUMBER_SIZE], float value);

/* The number of 15 significant digits that is nearest to the value, which is finite. */
double text_round_double(double value);
/* The number that text_from_float writes: of a float that was read from 0.7 just that. */
double text_round_float(float value);

/* Bytes of the UTF-8 character that the text begins with; 0: these are none (RFC 3629). */
int text_character_length(const char *text);

/* Writes text as a JSON string, with its quotes; bytes that are no UTF-8 become U+FFFD. */
void text_write_json(FILE *file, const char *text);

/* The candidate nearest to a misspelt word: start with {word}, offer each candidate, read best (NULL if none is
   near enough to be meant). */
struct text_nearest {
    const char *word;
    const char *best;
    size_t distance;
};
void text_nearest_offer(struct text_nearest *nearest, const char *candidate);

#endif
