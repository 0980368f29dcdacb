declare i1 @llvm.vector.reduce.or.v32i1(<32 x i1>)
declare <32 x float> @llvm.masked.load.v32f32.p0(ptr, i32, <32 x i1>, <32 x float>)
declare void @llvm.masked.store.v32f32.p0(<32 x float>, ptr, i32, <32 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 9
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 10
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 11
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 12
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 13
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 14
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 2
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr ptr, ptr %slots, i64 %v14
  %v16 = load ptr, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 5
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr ptr, ptr %slots, i64 %v18
  %v20 = load ptr, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 6
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr ptr, ptr %slots, i64 %v22
  %v24 = load ptr, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 8
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr ptr, ptr %slots, i64 %v26
  %v28 = load ptr, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 0
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 3
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 7
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 1
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 4
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = mul i64 %begin, %v2
  %v40 = mul i64 %end, %v2
  %v41 = icmp slt i64 %v40, %v4
  %v42 = select i1 %v41, i64 %v40, i64 %v4
  %v43 = icmp slt i64 %v39, %v42
  br i1 %v43, label %start3, label %finished2
start3:
  %v44 = udiv i64 %v39, %v6
  %v45 = mul i64 %v44, %v6
  %v46 = sub i64 %v39, %v45
  br label %unit1
unit1:
  %p47 = phi i64 [%v39, %start3], [%v182, %end7]
  %p48 = phi i64 [%v46, %start3], [%v185, %end7]
  %v49 = mul i64 %p48, %v8
  %v50 = add i64 %v49, %v8
  %v51 = icmp slt i64 %v50, %v10
  %v52 = select i1 %v51, i64 %v50, i64 %v10
  %v53 = sub i64 %v52, %v49
  %v54 = and i64 %v53, -32
  %v55 = add i64 %v49, %v54
  %v56 = icmp slt i64 %v49, %v55
  br i1 %v56, label %loop4, label %done5
loop4:
  %p57 = phi i64 [%v49, %unit1], [%v115, %loop4]
  %v58 = add i64 %v30, %p57
  %v59 = sub i64 %v36, %v58
  %v60 = icmp slt i64 %v59, 32
  %v61 = select i1 %v60, i64 %v59, i64 32
  %v62 = icmp sgt i64 %v61, 0
  %v63 = select i1 %v62, i64 %v61, i64 0
  %v64 = trunc i64 %v63 to i32
  %v65 = insertelement <32 x i32> poison, i32 %v64, i64 0
  %v66 = shufflevector <32 x i32> %v65, <32 x i32> poison, <32 x i32> zeroinitializer
  %v67 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v66
  %v68 = sub i64 0, %v58
  %v69 = icmp slt i64 %v68, 32
  %v70 = select i1 %v69, i64 %v68, i64 32
  %v71 = icmp sgt i64 %v70, 0
  %v72 = select i1 %v71, i64 %v70, i64 0
  %v73 = trunc i64 %v72 to i32
  %v74 = insertelement <32 x i32> poison, i32 %v73, i64 0
  %v75 = shufflevector <32 x i32> %v74, <32 x i32> poison, <32 x i32> zeroinitializer
  %v76 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v75
  %v77 = and <32 x i1> %v67, %v76
  %v78 = add i64 %v30, %p57
  %v79 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v77)
  %v80 = getelementptr float, ptr %v16, i64 %v78
  %v81 = select i1 %v79, ptr %v80, ptr %v16
  %v82 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v81, i32 4, <32 x i1> %v77, <32 x float> zeroinitializer)
  %v83 = add i64 %v32, %p57
  %v84 = sub i64 %v38, %v83
  %v85 = icmp slt i64 %v84, 32
  %v86 = select i1 %v85, i64 %v84, i64 32
  %v87 = icmp sgt i64 %v86, 0
  %v88 = select i1 %v87, i64 %v86, i64 0
  %v89 = trunc i64 %v88 to i32
  %v90 = insertelement <32 x i32> poison, i32 %v89, i64 0
  %v91 = shufflevector <32 x i32> %v90, <32 x i32> poison, <32 x i32> zeroinitializer
  %v92 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v91
  %v93 = sub i64 0, %v83
  %v94 = icmp slt i64 %v93, 32
  %v95 = select i1 %v94, i64 %v93, i64 32
  %v96 = icmp sgt i64 %v95, 0
  %v97 = select i1 %v96, i64 %v95, i64 0
  %v98 = trunc i64 %v97 to i32
  %v99 = insertelement <32 x i32> poison, i32 %v98, i64 0
  %v100 = shufflevector <32 x i32> %v99, <32 x i32> poison, <32 x i32> zeroinitializer
  %v101 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v100
  %v102 = and <32 x i1> %v92, %v101
  %v103 = add i64 %v32, %p57
  %v104 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v102)
  %v105 = getelementptr float, ptr %v20, i64 %v103
  %v106 = select i1 %v104, ptr %v105, ptr %v20
  %v107 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v106, i32 4, <32 x i1> %v102, <32 x float> zeroinitializer)
  %v108 = select <32 x i1> %v102, <32 x float> %v107, <32 x float> %v82
  %v109 = add i64 %v32, %p57
  %v110 = getelementptr float, ptr %v24, i64 %v109
  %v111 = load <32 x float>, ptr %v110, align 4
  %v112 = fmul <32 x float> %v108, %v111
  %v113 = add i64 %v34, %p57
  %v114 = getelementptr float, ptr %v28, i64 %v113
  store <32 x float> %v112, ptr %v114, align 4
  %v115 = add i64 %p57, 32
  %v116 = icmp slt i64 %v115, %v55
  br i1 %v116, label %loop4, label %done5
done5:
  %v117 = icmp slt i64 %v55, %v52
  br i1 %v117, label %tail6, label %end7
tail6:
  %v118 = sub i64 %v52, %v55
  %v119 = trunc i64 %v118 to i32
  %v120 = insertelement <32 x i32> poison, i32 %v119, i64 0
  %v121 = shufflevector <32 x i32> %v120, <32 x i32> poison, <32 x i32> zeroinitializer
  %v122 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v121
  %v123 = add i64 %v30, %v55
  %v124 = sub i64 %v36, %v123
  %v125 = icmp slt i64 %v124, 32
  %v126 = select i1 %v125, i64 %v124, i64 32
  %v127 = icmp sgt i64 %v126, 0
  %v128 = select i1 %v127, i64 %v126, i64 0
  %v129 = trunc i64 %v128 to i32
  %v130 = insertelement <32 x i32> poison, i32 %v129, i64 0
  %v131 = shufflevector <32 x i32> %v130, <32 x i32> poison, <32 x i32> zeroinitializer
  %v132 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v131
  %v133 = sub i64 0, %v123
  %v134 = icmp slt i64 %v133, 32
  %v135 = select i1 %v134, i64 %v133, i64 32
  %v136 = icmp sgt i64 %v135, 0
  %v137 = select i1 %v136, i64 %v135, i64 0
  %v138 = trunc i64 %v137 to i32
  %v139 = insertelement <32 x i32> poison, i32 %v138, i64 0
  %v140 = shufflevector <32 x i32> %v139, <32 x i32> poison, <32 x i32> zeroinitializer
  %v141 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v140
  %v142 = and <32 x i1> %v132, %v141
  %v143 = and <32 x i1> %v122, %v142
  %v144 = add i64 %v30, %v55
  %v145 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v142)
  %v146 = getelementptr float, ptr %v16, i64 %v144
  %v147 = select i1 %v145, ptr %v146, ptr %v16
  %v148 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v147, i32 4, <32 x i1> %v143, <32 x float> zeroinitializer)
  %v149 = add i64 %v32, %v55
  %v150 = sub i64 %v38, %v149
  %v151 = icmp slt i64 %v150, 32
  %v152 = select i1 %v151, i64 %v150, i64 32
  %v153 = icmp sgt i64 %v152, 0
  %v154 = select i1 %v153, i64 %v152, i64 0
  %v155 = trunc i64 %v154 to i32
  %v156 = insertelement <32 x i32> poison, i32 %v155, i64 0
  %v157 = shufflevector <32 x i32> %v156, <32 x i32> poison, <32 x i32> zeroinitializer
  %v158 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v157
  %v159 = sub i64 0, %v149
  %v160 = icmp slt i64 %v159, 32
  %v161 = select i1 %v160, i64 %v159, i64 32
  %v162 = icmp sgt i64 %v161, 0
  %v163 = select i1 %v162, i64 %v161, i64 0
  %v164 = trunc i64 %v163 to i32
  %v165 = insertelement <32 x i32> poison, i32 %v164, i64 0
  %v166 = shufflevector <32 x i32> %v165, <32 x i32> poison, <32 x i32> zeroinitializer
  %v167 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v166
  %v168 = and <32 x i1> %v158, %v167
  %v169 = and <32 x i1> %v122, %v168
  %v170 = add i64 %v32, %v55
  %v171 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v168)
  %v172 = getelementptr float, ptr %v20, i64 %v170
  %v173 = select i1 %v171, ptr %v172, ptr %v20
  %v174 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v173, i32 4, <32 x i1> %v169, <32 x float> zeroinitializer)
  %v175 = select <32 x i1> %v168, <32 x float> %v174, <32 x float> %v148
  %v176 = add i64 %v32, %v55
  %v177 = getelementptr float, ptr %v24, i64 %v176
  %v178 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v177, i32 4, <32 x i1> %v122, <32 x float> zeroinitializer)
  %v179 = fmul <32 x float> %v175, %v178
  %v180 = add i64 %v34, %v55
  %v181 = getelementptr float, ptr %v28, i64 %v180
  call void @llvm.masked.store.v32f32.p0(<32 x float> %v179, ptr %v181, i32 4, <32 x i1> %v122)
  br label %end7
end7:
  %v182 = add i64 %p47, 1
  %v183 = add i64 %p48, 1
  %v184 = icmp eq i64 %v183, %v6
  %v185 = select i1 %v184, i64 0, i64 %v183
  %v186 = icmp slt i64 %v182, %v42
  br i1 %v186, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
