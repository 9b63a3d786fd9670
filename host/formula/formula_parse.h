/* Laws that are formulas, parsed at run time: 'a + b*x^-c'.

   A formula consists of numbers, names, + - * / ^ and parentheses, the functions of ALLOMETER_INSTRUCTIONS and the
   constants pi and e. ^ (or **) binds tightest and from the right, so that -x^2 is -(x^2) and x^-c needs no parentheses.
   Names of columns are variables; all other names are parameters, in the order in which they appear. A name that is no
   word of letters, digits and _ stands in backquotes. */
#ifndef ALLOMETER_FORMULA_PARSE_H
#define ALLOMETER_FORMULA_PARSE_H

#include "backend.h"
#include "laws.h"

/* The law that a formula of the given columns makes. BAD_INPUT where it does not make sense: the message shows the
   formula and points at the character. Free with allometer_law_free. */
enum allometer_code allometer_law_parse(const char *text, const char *const *columns, int n_columns,
                                        struct allometer_law **law, struct allometer_error *error);
/* A formula of columns alone, not all of which it need read: a law without parameters, for allometer_law_evaluate. */
enum allometer_code allometer_law_parse_columns(const char *text, const char *const *columns, int n_columns,
                                                struct allometer_law **law, struct allometer_error *error);
/* A formula of parameters alone, each its own coordinate: a law without columns, whose derivatives are by their values. */
enum allometer_code allometer_law_parse_parameters(const char *text, const char *const *parameters,
                                                   int n_parameters, struct allometer_law **law,
                                                   struct allometer_error *error);
void allometer_law_free(struct allometer_law *law);

/* For every function and other word that a formula may call, its name; NULL after the last. */
const char *allometer_formula_word(int index);

#endif
