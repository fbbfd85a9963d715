/* Answer a spectrum: a text file with one line an intensity, its last number is taken; MODEL_POINTS of them, in the order of model_axis.
   Without a file the test vectors are asked, and the program ends with 1 where an answer is not as it should be.

       cc -O2 main.c model.c -lm -o model
       ./model                         ask the test vectors
       ./model spectrum.txt            answer a file */
#include "model.h"
#include "test_vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static union {
    unsigned char bytes[MODEL_WORKSPACE + MODEL_ALIGNMENT];
    double aligned;
} room;

static void *workspace(void)
{
    const size_t odd = (size_t)room.bytes % MODEL_ALIGNMENT;
    return room.bytes + (odd ? MODEL_ALIGNMENT - odd : 0);
}

static int ask_vectors(void)
{
    static struct model_answer answer;
    double largest = 0.0;
    int same = 0;
    for (int i = 0; i < TEST_VECTORS; i++) {
        const int code = model_run(test_spectra[i], workspace(), MODEL_WORKSPACE, &answer);
        if (code != MODEL_OK) {
            printf("test vector %d: no answer (%d)\n", i, code);
            return 1;
        }
        same += answer.label == test_labels[i];
        for (int j = 0; j < MODEL_CLASSES; j++) {
            const double apart = fabs((double)answer.logits[j] - (double)test_logits[i][j]);
            largest = apart > largest ? apart : largest;
        }
    }
    printf("%d of %d test vectors: the same label; largest difference of a logit %.3g\n", same, TEST_VECTORS, largest);
    return same != TEST_VECTORS;
}

static int read_spectrum(const char *name, float *spectrum)
{
    static char line[4096];
    FILE *file = fopen(name, "r");
    int count = 0;
    if (!file) {
        fprintf(stderr, "error: %s cannot be opened\n", name);
        return 0;
    }
    while (fgets(line, sizeof line, file)) {
        char *at = line, *end;
        int found = 0;
        double number = 0.0;
        for (; *at && *at != '#'; at++) {
            const double here = strtod(at, &end);
            if (end == at)
                continue;
            number = here;
            found = 1;
            at = end - 1;
        }
        if (!found)
            continue;
        if (count < MODEL_POINTS)
            spectrum[count] = (float)number;
        count++;
    }
    fclose(file);
    if (count != MODEL_POINTS)
        fprintf(stderr, "error: %s holds %d intensities, the model takes %d\n", name, count, MODEL_POINTS);
    return count == MODEL_POINTS;
}

int main(int count, char **words)
{
    static float spectrum[MODEL_POINTS];
    static struct model_answer answer;
    int code;
    if (count < 2)
        return ask_vectors();
    if (!read_spectrum(words[1], spectrum))
        return 2;
    code = model_run(spectrum, workspace(), MODEL_WORKSPACE, &answer);
    if (code != MODEL_OK) {
        fprintf(stderr, "error: no answer to %s: %s\n", words[1], code == MODEL_NOT_FINITE ? "it holds NaN or infinity" : "the answer is not finite");
        return 2;
    }
    printf("%s%s\n", model_labels[answer.label], answer.known ? "" : " (unknown: the score is below the threshold)");
    return 0;
}
