package io.numpool.internal.store;

import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Types;
import java.util.BitSet;
import org.jooq.Binding;
import org.jooq.BindingGetResultSetContext;
import org.jooq.BindingGetSQLInputContext;
import org.jooq.BindingGetStatementContext;
import org.jooq.BindingRegisterContext;
import org.jooq.BindingSQLContext;
import org.jooq.BindingSetSQLOutputContext;
import org.jooq.BindingSetStatementContext;
import org.jooq.Converter;
import org.jooq.conf.ParamType;
import org.jooq.impl.DSL;

/** {@code bit varying} as a bit set: the leftmost bit of the string is bit 0. pgjdbc reads and writes it as text. */
public final class BitStringBinding implements Binding<String, BitSet> {

    private static final long serialVersionUID = 1L;

    /** Made by jOOQ's generated code. */
    public BitStringBinding() {}

    @Override
    public Converter<String, BitSet> converter() {
        return Converter.ofNullable(String.class, BitSet.class, BitStringBinding::parse, BitStringBinding::format);
    }

    @Override
    public void sql(BindingSQLContext<BitSet> ctx) {
        if (ctx.render().paramType() == ParamType.INLINED) {
            ctx.render().visit(DSL.inline(ctx.convert(converter()).value(), String.class));
        } else {
            ctx.render().sql(ctx.variable());
        }
        ctx.render().sql("::bit varying");
    }

    @Override
    public void register(BindingRegisterContext<BitSet> ctx) throws SQLException {
        ctx.statement().registerOutParameter(ctx.index(), Types.VARCHAR);
    }

    @Override
    public void set(BindingSetStatementContext<BitSet> ctx) throws SQLException {
        ctx.statement().setString(ctx.index(), ctx.convert(converter()).value());
    }

    @Override
    public void get(BindingGetResultSetContext<BitSet> ctx) throws SQLException {
        ctx.convert(converter()).value(ctx.resultSet().getString(ctx.index()));
    }

    @Override
    public void get(BindingGetStatementContext<BitSet> ctx) throws SQLException {
        ctx.convert(converter()).value(ctx.statement().getString(ctx.index()));
    }

    @Override
    public void get(BindingGetSQLInputContext<BitSet> ctx) throws SQLException {
        throw new SQLFeatureNotSupportedException("pgjdbc has no SQLInput");
    }

    @Override
    public void set(BindingSetSQLOutputContext<BitSet> ctx) throws SQLException {
        throw new SQLFeatureNotSupportedException("pgjdbc has no SQLOutput");
    }

    private static BitSet parse(String text) {
        BitSet bits = new BitSet(text.length());
        for (int i = 0; i < text.length(); i++) {
            bits.set(i, text.charAt(i) == '1');
        }
        return bits;
    }

    private static String format(BitSet bits) {
        StringBuilder text = new StringBuilder(bits.length());
        for (int i = 0; i < bits.length(); i++) {
            text.append(bits.get(i) ? '1' : '0');
        }
        return text.toString();
    }
}
